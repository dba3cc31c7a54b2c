use std::fmt::Write;

use cornu::plot::chart::escaped;
use cornu::stats::Interval;

use crate::output::counted;
use crate::report::findings::Finding;
use crate::report::html::Section;
use crate::report::material::Material;
use crate::report::words;

/// What stands above the sections: the task, and the most important figures.
pub(in crate::report) fn header(material: &Material<'_>) -> String {
    let kind = if material.training.is_some() { "Training run" } else { "Evaluation" };
    let mut html = format!(
        "<p class=\"kind\">{kind} of {}</p>\n<h1>{}</h1>\n<p class=\"lead\">{}</p>\n",
        escaped(&material.model_name),
        escaped(&capitalized(&words::task(material.class_names))),
        escaped(&words::setting(material))
    );
    if let Some(note) = material.note {
        let _ = writeln!(html, "<p class=\"note\">{}</p>", escaped(note));
    }
    html
}

/// The run in words, figures and remarks.
pub(in crate::report) fn overview(
    material: &Material<'_>,
    summary: &str,
    findings: &[Finding],
) -> Section {
    let mut body = format!("<p>{}</p>\n", escaped(summary));
    body += &tiles(material);
    body.push_str("<ul class=\"findings\">\n");
    for Finding { is_warning, title, text } in findings {
        let class = if *is_warning { "warning" } else { "remark" };
        let _ = writeln!(body, "<li class=\"{class}\"><b>{title}.</b> {}</li>", escaped(text));
    }
    if !findings.iter().any(|finding| finding.is_warning) {
        body.push_str(
            "<li class=\"good\"><b>Nothing looks wrong.</b> Looked for: over-fitting, guessing, \
             unbalanced or missing classes, look-alikes across the parts, too few pictures, \
             probabilities that are off.</li>\n",
        );
    }
    body.push_str("</ul>\n");
    Section { id: "summary", title: "Summary", body }
}

fn tiles(material: &Material<'_>) -> String {
    let mut tiles: Vec<(String, String, String)> = Vec::new();
    if let Some((part, judged)) = material.judged() {
        let scores = &judged.scores;
        let of = |interval: Option<Interval>| {
            interval.map_or_else(
                || "no interval".to_owned(),
                |Interval { low, high }| format!("95 %: {low:.3} to {high:.3}"),
            )
        };
        let name = |what: &str| format!("{what}, {} pictures", part.name);
        let value = |x: Option<f64>| x.map_or_else(|| "\u{2013}".to_owned(), |x| format!("{x:.3}"));
        let accuracy = value(Some(scores.accuracy));
        tiles.push((name("Accuracy"), accuracy, of(scores.intervals.accuracy)));
        let spread = if material.is_binary() {
            of(scores.intervals.auc)
        } else {
            "mean of the classes".to_owned()
        };
        tiles.push((name("AUC"), value(scores.auc), spread));
    }
    if let Some(training) = &material.training {
        let (state, epochs) = (training.state, counted(training.state.epoch, "epoch"));
        let stopped = if state.stopped { ", stopped early" } else { "" };
        tiles.push((
            "Best epoch".into(),
            state.best_epoch.to_string(),
            format!("of {epochs}{stopped}"),
        ));
    }
    let n: usize = material.parts.iter().map(|part| part.names.len()).sum();
    let parts: Vec<String> =
        material.parts.iter().map(|part| format!("{} {}", part.names.len(), part.name)).collect();
    tiles.push(("Pictures".into(), n.to_string(), parts.join(", ")));
    let mut html = "<dl class=\"tiles\">\n".to_owned();
    for (name, value, note) in tiles {
        let _ = writeln!(
            html,
            "<div class=\"tile\"><dt>{name}</dt><dd class=\"value\">{value}</dd><dd class=\"soft\">{}</dd></div>",
            escaped(&note)
        );
    }
    html.push_str("</dl>\n");
    html
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
