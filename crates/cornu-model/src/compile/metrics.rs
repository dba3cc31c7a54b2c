use std::collections::BTreeMap;

use cornu_nn::LayerError;
use cornu_nn::metrics::{Direction, Metric, metric_for_shapes};
use cornu_tensor::Tensor;
use serde_json::json;

use super::PerOutput;
use super::specs::{MetricSpec, Named};
use crate::ModelError;
use crate::history::Logs;

/// The metrics of all outputs, on the host.
#[derive(Debug)]
pub(crate) struct CompiledMetrics {
    outputs: Vec<String>,
    metrics: Vec<CompiledMetric>,
}

#[derive(Debug)]
struct CompiledMetric {
    output: usize,
    weighted: bool,
    metric: Resolved,
    /// Sums to go on from at the next batch, which may have to tell first which metric it is.
    restored: Option<Vec<Vec<f64>>>,
}

/// `accuracy` and `crossentropy` stand for metrics that depend on the shapes of labels and predictions.
#[derive(Debug)]
enum Resolved {
    AtFirstBatch(String),
    Metric(Box<dyn Metric>),
}

const BY_SHAPES: &[&str] = &["accuracy", "acc", "crossentropy", "ce"];

/// The metric of a name, logged under the very name it was asked by, such as `mae` or `AUC`.
fn named(name: &str, y_true: &[usize], y_pred: &[usize]) -> Result<Box<dyn Metric>, LayerError> {
    let mut metric = metric_for_shapes(&json!(name), y_true, y_pred)?;
    metric.set_name(name);
    Ok(metric)
}

/// Sample weights that leave out what is masked.
fn masked_weight(mask: &Tensor, weight: Option<&Tensor>) -> Result<Tensor, LayerError> {
    let Some(weight) = weight else { return Ok(mask.clone()) };
    // Weights of the samples, or with one more axis of size 1.
    let n = mask.dims().first().copied().unwrap_or(1).max(1);
    let per_sample = mask.len() / n;
    match weight.len() {
        len if len == mask.len() => {
            Ok(Tensor::from_fn(mask.dims(), |i| mask.data()[i] * weight.data()[i]))
        }
        len if len == n => {
            Ok(Tensor::from_fn(mask.dims(), |i| mask.data()[i] * weight.data()[i / per_sample]))
        }
        _ => Err(LayerError::config(
            "sample_weight",
            format!("weights of shape {:?}, as the mask of the predictions", mask.dims()),
            format!("{:?}", weight.dims()),
        )),
    }
}

impl CompiledMetrics {
    pub(super) fn new(
        outputs: &[String],
        metrics: Option<PerOutput<Vec<MetricSpec>>>,
        weighted_metrics: Option<PerOutput<Vec<MetricSpec>>>,
    ) -> Result<Self, ModelError> {
        let mut compiled = Self { outputs: outputs.to_vec(), metrics: Vec::new() };
        compiled.add("metrics", metrics, false)?;
        compiled.add("weighted_metrics", weighted_metrics, true)?;
        Ok(compiled)
    }

    fn add(
        &mut self,
        what: &str,
        metrics: Option<PerOutput<Vec<MetricSpec>>>,
        weighted: bool,
    ) -> Result<(), ModelError> {
        let Some(metrics) = metrics else { return Ok(()) };
        for (output, specs) in metrics.resolve(what, &self.outputs)?.into_iter().enumerate() {
            for spec in specs.into_iter().flatten() {
                let metric = match spec.0 {
                    Named::Value(metric) => Resolved::Metric(metric),
                    Named::Name(name) if BY_SHAPES.contains(&name.as_str()) => {
                        Resolved::AtFirstBatch(name)
                    }
                    Named::Name(name) => Resolved::Metric(
                        named(&name, &[], &[])
                            .map_err(|error| ModelError::Compile(format!("`{what}`: {error}")))?,
                    ),
                };
                self.metrics.push(CompiledMetric { output, weighted, metric, restored: None });
            }
        }
        Ok(())
    }

    /// Takes a batch into account; `masks` of the outputs that have one.
    pub(crate) fn update(
        &mut self,
        y_true: &[Tensor],
        y_pred: &[Tensor],
        sample_weight: &[Option<&Tensor>],
        masks: &BTreeMap<usize, Tensor>,
    ) -> Result<(), ModelError> {
        for compiled in &mut self.metrics {
            let output = compiled.output;
            let (y_true, y_pred) = (&y_true[output], &y_pred[output]);
            if let Resolved::AtFirstBatch(name) = &compiled.metric {
                let metric = named(name, y_true.dims(), y_pred.dims());
                compiled.metric = Resolved::Metric(
                    metric.map_err(|error| ModelError::Compile(format!("`metrics`: {error}")))?,
                );
            }
            let Resolved::Metric(metric) = &mut compiled.metric else { continue };
            if let Some(variables) = compiled.restored.take()
                && !metric.restore(&variables)
            {
                let expected = format!("the sums of metric `{}`", metric.name());
                let got = format!("{} variables of other sizes", variables.len());
                return Err(ModelError::data("initial_sums", expected, got));
            }
            let weight = sample_weight.get(output).copied().flatten().filter(|_| compiled.weighted);
            let mask = masks.get(&output).filter(|_| metric.heeds_mask());
            let masked = mask.map(|mask| masked_weight(mask, weight)).transpose();
            let updated =
                masked.and_then(|masked| metric.update(y_true, y_pred, masked.as_ref().or(weight)));
            updated.map_err(|source| ModelError::Metric {
                metric: metric.name().to_owned(),
                output: self.outputs[output].clone(),
                source,
            })?;
        }
        Ok(())
    }

    pub(crate) fn reset(&mut self) {
        for compiled in &mut self.metrics {
            compiled.restored = None;
            if let Resolved::Metric(metric) = &mut compiled.metric {
                metric.reset();
            }
        }
    }

    /// The variables of each metric, flat.
    pub(crate) fn sums(&self) -> Vec<Vec<Vec<f64>>> {
        let of = |compiled: &CompiledMetric| match &compiled.metric {
            Resolved::AtFirstBatch(_) => Vec::new(),
            Resolved::Metric(metric) => {
                metric.variables().into_iter().map(|(_, values)| values.into_data()).collect()
            }
        };
        self.metrics.iter().map(of).collect()
    }

    /// Goes on from [`CompiledMetrics::sums`] at the next batch. Answers whether there are as many.
    pub(crate) fn restore(&mut self, sums: &[Vec<Vec<f64>>]) -> bool {
        for (compiled, variables) in self.metrics.iter_mut().zip(sums) {
            compiled.restored = Some(variables.clone());
        }
        self.metrics.len() == sums.len()
    }

    /// Adds the results to `logs`.
    pub(crate) fn results(&self, logs: &mut Logs) {
        let mut taken: BTreeMap<String, usize> = BTreeMap::new();
        for compiled in &self.metrics {
            let Resolved::Metric(metric) = &compiled.metric else { continue };
            let prefix = if self.outputs.len() == 1 {
                String::new()
            } else {
                format!("{}_", self.outputs[compiled.output])
            };
            let mut name = format!("{prefix}{}", metric.name());
            if compiled.weighted && taken.contains_key(&name) {
                name = format!("{prefix}weighted_{}", metric.name());
            }
            let n_before = taken.entry(name.clone()).or_insert(0);
            if 0 < *n_before {
                name = format!("{name}_{n_before}");
            }
            *n_before += 1;
            match metric.result()[..] {
                [value] => {
                    logs.insert(name, value);
                }
                ref values => {
                    let numbered = values.iter().enumerate();
                    logs.extend(numbered.map(|(i, &value)| (format!("{name}_{i}"), value)));
                }
            }
        }
    }

    /// Which way the metric logged as `name` gets better.
    pub(crate) fn direction(&self, name: &str) -> Option<Direction> {
        let found = self.metrics.iter().find_map(|compiled| match &compiled.metric {
            Resolved::Metric(metric) if name.ends_with(metric.name()) => metric.direction(),
            Resolved::AtFirstBatch(metric) if name.ends_with(metric.as_str()) => {
                Some(if metric.starts_with("acc") { Direction::Up } else { Direction::Down })
            }
            _ => None,
        });
        // The loss of one output.
        let is_loss = || self.outputs.iter().any(|output| *name == format!("{output}_loss"));
        found.or_else(|| is_loss().then_some(Direction::Down))
    }
}
