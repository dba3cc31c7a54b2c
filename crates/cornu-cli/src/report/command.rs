//! What to type to get a run again.

use crate::commands::SYNTHETIC;
use crate::model_argument::LESSON_CNN;
use crate::recipe::{DEMO_PICTURES, Recipe};
use crate::run::RunConfig;

/// The command of a run: what differs from the defaults is named. `out` is the folder of the run.
pub(super) fn command_of(config: &RunConfig, out: &str) -> String {
    let is_demo = config.data == SYNTHETIC;
    let recipe = &config.recipe;
    let default = if is_demo { Recipe::demo() } else { Recipe::default() };
    let mut words: Vec<String> = vec!["cornu".to_owned()];
    if is_demo {
        words.push("demo".to_owned());
    } else {
        words.extend(["train".to_owned(), quoted(&config.data)]);
    }
    words.extend(["--out".to_owned(), quoted(out)]);
    let mut option = |name: &str, value: String, is_default: bool| {
        if !is_default {
            words.push(name.to_owned());
            words.extend(Some(value).filter(|value| !value.is_empty()));
        }
    };
    if is_demo {
        let n = config.split.train + config.split.val + config.split.test;
        option("--pictures", n.to_string(), n == DEMO_PICTURES);
    } else {
        option("--model", quoted(&config.model), config.model == LESSON_CNN);
        let group = config.group_by.as_deref().unwrap_or_default();
        option("--group-by", quoted(group), config.group_by.is_none());
    }
    option("--seed", recipe.seed.to_string(), false);
    option("--epochs", recipe.epochs.to_string(), recipe.epochs == default.epochs);
    let batch = recipe.batch_size;
    option("--batch-size", batch.to_string(), batch == default.batch_size);
    let rate = recipe.learning_rate;
    option("--lr", rate.to_string(), rate == default.learning_rate);
    let augment = format!("{:?}", recipe.augment).to_lowercase();
    option("--augment", augment, recipe.augment == default.augment);
    option("--patience", recipe.patience.to_string(), recipe.patience == default.patience);
    let smoothing = recipe.label_smoothing;
    option("--label-smoothing", smoothing.to_string(), smoothing == default.label_smoothing);
    for (name, is_on) in [
        ("--no-scaled-start", recipe.scaled_start),
        ("--no-class-weights", recipe.class_weights),
        ("--no-early-stopping", recipe.early_stopping),
        ("--no-schedule", recipe.schedule),
        ("--no-standardize", recipe.standardize),
    ] {
        option(name, String::new(), is_on);
    }
    words.join(" ")
}

/// `word` as a shell takes it.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./+:,@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("a/b-1.png"), "a/b-1.png");
        assert_eq!(quoted("my pictures"), "'my pictures'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted(""), "''");
    }
}
