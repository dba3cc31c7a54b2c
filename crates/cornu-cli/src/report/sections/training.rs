use std::fmt::Write;

use cornu::plot::chart::{Line, LineChart};

use crate::output::counted;
use crate::report::html::{Section, charts};
use crate::report::material::{Material, Training};

/// How the model came to be, epoch by epoch.
pub(in crate::report) fn training(material: &Material<'_>, training: &Training<'_>) -> Section {
    let state = training.state;
    let mut body = String::new();
    let has_validation = material.part("validation").is_some();
    let kept = if has_validation {
        "the one with the lowest validation loss, smoothed over the epochs, as that of a single epoch \
         is noise"
    } else {
        "the last one, as there are no validation pictures to choose by"
    };
    let _ = writeln!(
        body,
        "<p>{} were trained{}. The model of epoch {} is kept: {kept}. Training values are means over the \
         epoch, with changed pictures and dropout, so they often look worse than validation values.</p>",
        counted(state.epoch, "epoch"),
        if state.stopped { ", then no better one came and training stopped early" } else { "" },
        state.best_epoch
    );
    let names = &training.history.names;
    let own = names.iter().filter(|name| !name.starts_with("val_") && *name != "learning_rate");
    // The loss first, then the metrics in their order.
    let mut own: Vec<&String> = own.collect();
    own.sort_by_key(|name| *name != "loss");
    let kept = if has_validation { "best" } else { "kept" };
    let best = format!("{kept}: epoch {}", state.best_epoch);
    let mut drawn = Vec::new();
    for name in own {
        let column = |name: &str| training.history.column(name);
        let mut chart = LineChart::new(title(name), "epoch").mark(state.best_epoch, &best);
        chart = chart.line(Line::new("training", &column(name).unwrap_or_default()));
        if let Some(values) = column(&format!("val_{name}")) {
            chart = chart.line(Line::new("validation", &values));
        }
        drawn.push((chart.chart(), String::new()));
    }
    if let Some(rates) = training.history.column("learning_rate") {
        let chart = LineChart::new("Learning rate", "epoch").from_zero();
        let chart = chart.mark(state.best_epoch, &best).line(Line::new("learning rate", &rates));
        drawn.push((chart.chart(), String::new()));
    }
    body += &charts(&drawn);
    Section { id: "training", title: "Training", body }
}

/// A log's name as a title.
fn title(name: &str) -> String {
    match name {
        "auc" => "AUC (Keras's, of 200 thresholds)".to_owned(),
        name => {
            let words = name.replace('_', " ");
            let mut chars = words.chars();
            let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
            first + chars.as_str()
        }
    }
}
