use std::fmt::Write;

use cornu::plot::chart::escaped;

use crate::output::counted;
use crate::report::html::{Row, Section, Table, verbatim};
use crate::report::material::Material;

/// What it took, and what it takes to get it again.
pub(in crate::report) fn reproduce(material: &Material<'_>) -> Section {
    let mut rows = Vec::new();
    let mut row = |name: &str, value: String| rows.push(Row::new(vec![name.to_owned(), value]));
    if let Some(training) = &material.training {
        if training.fitted.is_none() {
            row("Training speed", "not measured: nothing was left to train".to_owned());
        }
        if let Some(fitted) = training.fitted {
            let n = training.config.split.train * fitted.epochs;
            row(
                "Training speed",
                format!(
                    "{:.0} images/s, validation and saving included",
                    n as f64 / fitted.seconds
                ),
            );
            row(
                "Training time",
                format!("{} for {}", duration(fitted.seconds), counted(fitted.epochs, "epoch")),
            );
        }
        row("Seed", training.config.recipe.seed.to_string());
        row("Begun with", format!("Cornu {}", escaped(&training.config.cornu)));
    }
    if 0 < material.peak_mb {
        row("Memory at most", format!("{} MiB", material.peak_mb));
    }
    row("Threads", material.machine.n_threads().to_string());
    row("Reported by", format!("Cornu {}", env!("CARGO_PKG_VERSION")));
    row("System", format!("{} on {}", std::env::consts::OS, std::env::consts::ARCH));
    let head = ["What", "Value"];
    let mut body =
        Table { caption: "Speed and versions", head: &head, class: "words", rows }.html();
    body.push_str("<h3>The command</h3>\n<p class=\"soft\">");
    body.push_str(if material.training.is_some() {
        "The same command on the same pictures gives the same model to the last bit, with any number \
         of threads, on processors with the same instruction set.</p>\n"
    } else {
        "The same command on the same pictures gives the same figures.</p>\n"
    });
    body += &verbatim("Command", &material.command);
    if let Some(training) = &material.training {
        let settings = toml::to_string(training.config).unwrap_or_default();
        let _ = writeln!(body, "<h3>All settings (config.toml)</h3>");
        body += &verbatim("Settings", &settings);
    }
    Section { id: "reproduce", title: "Speed and settings", body }
}

/// `1 h 2 min`, `3 min 4 s` or `5.6 s`.
fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_for_people() {
        assert_eq!([5.62, 184.4, 3723.0].map(duration), ["5.6 s", "3 min 4 s", "1 h 2 min"]);
    }
}
