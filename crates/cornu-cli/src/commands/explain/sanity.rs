//! Whether maps depend on what the network has learnt.

use cornu::explain::{Explainer, Method, SanityReport, Target};
use cornu::plot::{sanity, sanity_in_words};
use cornu::tensor::Tensor;
use serde_json::{Value, json};

use super::subjects::Subject;
use super::writer::{Writer, write_json};
use crate::error::CliError;
use crate::output;

/// Checks the methods one after the other; writes `sanity.json` and `sanity.png`.
pub(super) fn check(
    explainer: &mut Explainer<'_>,
    subjects: &[Subject],
    methods: &[Method],
    target: Target,
    seed: u64,
    writer: &mut Writer<'_>,
) -> Result<(), CliError> {
    let pixels: Vec<f32> =
        subjects.iter().flat_map(|subject| subject.tensor.data()).copied().collect();
    let dims = [&[subjects.len()], subjects[0].tensor.dims()].concat();
    let pictures =
        Tensor::new(dims, pixels).map_err(|error| CliError::message(error.to_string()))?;
    let targets = vec![target; subjects.len()];
    let mut reports = Vec::new();
    for method in methods {
        let mut method = method.clone();
        if let Method::IntegratedGradients(settings) = &mut method {
            // Of weights at random nobody needs the exact shares.
            settings.max_steps = settings.steps;
        }
        let report = explainer.sanity_check(&pictures, &method, &targets, seed)?;
        tell(&report, writer.json)?;
        reports.push(report);
    }
    let first = &subjects[0];
    writer.write_sheet("sanity.png", &sanity(&first.name, &first.raster, &reports, 0)?)?;
    let values: Vec<Value> = reports.iter().map(report_json).collect();
    write_json(&writer.folder.join("sanity.json"), &values)
}

fn tell(report: &SanityReport, json: bool) -> Result<(), CliError> {
    if json {
        return output::json(&report_json(report));
    }
    output::result(format!(
        "\nsanity check of {}: likeness to the map of the trained network (1: the same, 0: nothing in \
         common)\n  {:<28} {:>8} {:>8} {:>8}",
        report.method, "weights drawn anew up to", "ranks", "of sizes", "ssim"
    ))?;
    for step in &report.steps {
        output::result(format!(
            "  {:<28} {:>8.3} {:>8.3} {:>8.3}",
            step.layer, step.rank_correlation, step.rank_correlation_of_sizes, step.ssim
        ))?;
    }
    output::result(format!("  {}: {}", report.method, sanity_in_words(report)))
}

fn report_json(report: &SanityReport) -> Value {
    let number = |x: f64| if x.is_nan() { Value::Null } else { json!(x) };
    let steps: Vec<Value> = report
        .steps
        .iter()
        .map(|step| {
            json!({
                "layer": step.layer,
                "rank_correlation": number(step.rank_correlation),
                "rank_correlation_of_sizes": number(step.rank_correlation_of_sizes),
                "ssim": number(step.ssim),
            })
        })
        .collect();
    json!({
        "sanity": report.method,
        "pictures": report.maps.len(),
        "depends_on_weights": report.depends_on_weights(),
        "verdict": sanity_in_words(report),
        "steps": steps,
    })
}
