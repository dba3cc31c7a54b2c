use std::fmt::Write;

use super::curves::{Curve, diagram};
use crate::run::{Finished, RunConfig};
use crate::scores::Scores;

/// The page of a run: one file that needs no others.
pub(super) fn page(
    config: &RunConfig,
    finished: &Finished,
    summary: &str,
    note: Option<&str>,
) -> String {
    let mut body = String::new();
    if let Some(note) = note {
        let _ = writeln!(body, "<p class=\"note\">{}</p>", escaped(note));
    }
    let _ = writeln!(body, "<p>{}</p>", escaped(summary));
    let scored = [("Test", &finished.test), ("Validation", &finished.validation)];
    for (title, scores) in scored {
        if let Some(scores) = scores {
            body.push_str(&score_tables(title, scores));
        }
    }
    body.push_str("<h2>Training</h2>\n");
    for (title, train) in [("loss", "loss"), ("accuracy", "accuracy"), ("AUC", "auc")] {
        let column = |name: &str| finished.history.column(name).unwrap_or_default();
        let (train, val) = (column(train), column(&format!("val_{train}")));
        let curves = [
            Curve { name: "training", values: &train },
            Curve { name: "validation", values: &val },
        ];
        body.push_str(&diagram(title, &curves));
    }
    let _ = writeln!(
        body,
        "<p>The kept model is the one with the lowest smoothed validation loss: epoch {}.</p>",
        finished.state.best_epoch
    );
    body.push_str("<h2>Settings</h2>\n");
    let settings = toml::to_string(config).unwrap_or_default();
    let _ = writeln!(body, "<pre>{}</pre>", escaped(&settings));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <title>Training run: {title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <h1>Training run</h1>\n{body}</body>\n</html>\n",
        title = escaped(&config.model)
    )
}

const STYLE: &str = "body{font-family:sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
    table{border-collapse:collapse;margin:1rem 0}th,td{border:1px solid #ccc;padding:.3rem .7rem}\
    td{text-align:right}.note{background:#fff3cd;padding:.7rem}pre{background:#f4f4f4;padding:1rem}";

fn score_tables(title: &str, scores: &Scores) -> String {
    let auc = scores.auc.map_or_else(|| "-".to_owned(), |auc| format!("{auc:.4}"));
    let mut html = format!(
        "<h2>{title}: {} pictures</h2>\n<p>loss {:.4}, accuracy {:.4}, AUC {auc}</p>\n\
         <table>\n<tr><th>class</th><th>precision</th><th>recall</th><th>F1</th>\
         <th>pictures</th></tr>\n",
        scores.samples, scores.loss, scores.accuracy
    );
    for class in &scores.classes {
        let _ = writeln!(
            html,
            "<tr><th>{}</th><td>{:.3}</td><td>{:.3}</td><td>{:.3}</td><td>{}</td></tr>",
            escaped(&class.class),
            class.precision,
            class.recall,
            class.f1,
            class.samples
        );
    }
    html.push_str("</table>\n<table>\n<caption>Confusion matrix</caption>\n<tr><th></th>");
    for class in &scores.classes {
        let _ = write!(html, "<th>predicted {}</th>", escaped(&class.class));
    }
    html.push_str("</tr>\n");
    for (class, row) in scores.classes.iter().zip(&scores.confusion_matrix) {
        let _ = write!(html, "<tr><th>is {}</th>", escaped(&class.class));
        for n in row {
            let _ = write!(html, "<td>{n}</td>");
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</table>\n");
    html
}

/// Names come from folders: they must not become markup.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_become_markup() {
        assert_eq!(escaped("<b>\"&\"</b>"), "&lt;b&gt;&quot;&amp;&quot;&lt;/b&gt;");
    }
}
