use cornu_graph::{Graph, ValueId};
use serde_json::{Map, Value};

use super::common::{moving_average, one_minus_power, over_root_plus};
use super::settings::optimizer_settings;
use super::{Optimizer, OptimizerSettings, Prepared, SlotSpec, UpdateCx, VariableSpec};
use crate::{ConfigReader, ConfigWriter, LayerError};

/// Momentum made orthogonal, for matrices: `m = mu m + g`, then steps of the Newton-Schulz iteration
/// `x = a x + (b x x^T + c (x x^T)^2) x` bring all singular values of `m` (or of `g + mu m`) close to 1.
///
/// All other variables, embeddings and excluded layers get [`AdamW`](super::AdamW) steps. Source:
/// Keras 3, `keras/src/optimizers/muon.py`.
#[derive(Debug, Clone, PartialEq)]
pub struct Muon {
    settings: OptimizerSettings,
    adam_beta_1: f64,
    adam_beta_2: f64,
    adam_weight_decay: Option<f64>,
    epsilon: f64,
    exclude_layers: Vec<String>,
    exclude_embeddings: bool,
    /// `a`, `b`, `c`.
    coefficients: [f64; 3],
    adam_lr_ratio: f64,
    momentum: f64,
    ns_steps: usize,
    nesterov: bool,
    rms_rate: f64,
}

impl Muon {
    /// With Keras's defaults: learning rate 0.001, weight decay 0.004.
    pub fn new() -> Self {
        let mut settings = OptimizerSettings::new("muon", 0.001);
        settings.weight_decay = Some(0.004);
        Self {
            settings,
            adam_beta_1: 0.9,
            adam_beta_2: 0.999,
            adam_weight_decay: Some(0.004),
            epsilon: 1e-7,
            exclude_layers: Vec::new(),
            exclude_embeddings: true,
            coefficients: [3.4445, -4.775, 2.0315],
            adam_lr_ratio: 1.0,
            momentum: 0.95,
            ns_steps: 5,
            nesterov: true,
            rms_rate: 0.2,
        }
    }

    /// How much of the last step is repeated. Default 0.95.
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    /// Whether to look ahead. Default true.
    pub fn nesterov(mut self, nesterov: bool) -> Self {
        self.nesterov = nesterov;
        self
    }

    /// Steps of the Newton-Schulz iteration. Default 5.
    pub fn ns_steps(mut self, steps: usize) -> Self {
        self.ns_steps = steps;
        self
    }

    /// Variables whose path contains one of these texts get AdamW steps. Default none.
    pub fn exclude_layers(mut self, texts: &[&str]) -> Self {
        self.exclude_layers = texts.iter().map(|&text| text.to_owned()).collect();
        self
    }

    /// Weight decay of the variables with AdamW steps. Default 0.004.
    pub fn adam_weight_decay(mut self, decay: impl Into<Option<f64>>) -> Self {
        self.adam_weight_decay = decay.into();
        self
    }

    pub(super) fn read(config: &mut ConfigReader) -> Result<Self, LayerError> {
        let default = Self::new();
        let exclude_layers = match config.present("exclude_layers") {
            None => Vec::new(),
            Some(value) => value
                .as_array()
                .and_then(|list| list.iter().map(|v| v.as_str().map(str::to_owned)).collect())
                .ok_or_else(|| LayerError::config("exclude_layers", "a list of texts", &value))?,
        };
        let adam_weight_decay = match config.value("adam_weight_decay") {
            None => default.adam_weight_decay,
            Some(_) => config.optional_number("adam_weight_decay")?,
        };
        let [a, b, c] = default.coefficients;
        Ok(Self {
            adam_beta_1: config.number_or("adam_beta_1", default.adam_beta_1)?,
            adam_beta_2: config.number_or("adam_beta_2", default.adam_beta_2)?,
            adam_weight_decay,
            epsilon: config.number_or("epsilon", default.epsilon)?,
            exclude_layers,
            exclude_embeddings: config.bool_or("exclude_embeddings", true)?,
            coefficients: [
                config.number_or("muon_a", a)?,
                config.number_or("muon_b", b)?,
                config.number_or("muon_c", c)?,
            ],
            adam_lr_ratio: config.number_or("adam_lr_ratio", default.adam_lr_ratio)?,
            momentum: config.number_or("momentum", default.momentum)?,
            ns_steps: config.positive_or("ns_steps", default.ns_steps)?,
            nesterov: config.bool_or("nesterov", true)?,
            rms_rate: config.number_or("rms_rate", default.rms_rate)?,
            settings: default.settings,
        })
    }

    fn is_orthogonalized(&self, variable: &VariableSpec) -> bool {
        let name = &variable.name;
        let is_embedding = self.exclude_embeddings && name.to_lowercase().contains("embedding");
        let is_excluded = self.exclude_layers.iter().any(|text| name.contains(text));
        variable.dims.len() == 2 && !is_embedding && !is_excluded
    }

    /// The matrix with singular values brought close to 1.
    fn orthogonalized(&self, graph: &mut Graph, x: ValueId) -> Result<ValueId, LayerError> {
        let [a, b, c] = self.coefficients;
        let is_tall = matches!(graph.shape(x).sizes(1)[..], [rows, columns] if columns < rows);
        let square = graph.square(x)?;
        let sum = graph.sum_all(square)?;
        let norm = graph.sqrt(sum)?;
        let norm = graph.add_scalar(norm, 1e-7)?;
        let mut x = graph.div(x, norm)?;
        if is_tall {
            x = graph.transpose(x, &[1, 0])?;
        }
        for _ in 0..self.ns_steps {
            let product = graph.matmul(x, x, false, true)?;
            let square = graph.matmul(product, product, false, false)?;
            let first = graph.mul_scalar(product, b)?;
            let second = graph.mul_scalar(square, c)?;
            let polynomial = graph.add(first, second)?;
            let turned = graph.matmul(polynomial, x, false, false)?;
            let kept = graph.mul_scalar(x, a)?;
            x = graph.add(kept, turned)?;
        }
        Ok(if is_tall { graph.transpose(x, &[1, 0])? } else { x })
    }
}

optimizer_settings!(Muon);

impl Optimizer for Muon {
    fn class_name(&self) -> &'static str {
        "Muon"
    }

    fn settings(&self) -> &OptimizerSettings {
        &self.settings
    }

    fn settings_mut(&mut self) -> &mut OptimizerSettings {
        &mut self.settings
    }

    fn own_config(&self) -> Map<String, Value> {
        let [a, b, c] = self.coefficients;
        ConfigWriter::new()
            .set("adam_beta_1", self.adam_beta_1)
            .set("adam_beta_2", self.adam_beta_2)
            .set("epsilon", self.epsilon)
            .set("exclude_layers", self.exclude_layers.clone())
            .set("muon_a", a)
            .set("muon_b", b)
            .set("muon_c", c)
            .set("adam_lr_ratio", self.adam_lr_ratio)
            .set("momentum", self.momentum)
            .set("ns_steps", self.ns_steps)
            .set("nesterov", self.nesterov)
            .set("exclude_embeddings", self.exclude_embeddings)
            .set("adam_weight_decay", self.adam_weight_decay)
            .set("rms_rate", self.rms_rate)
            .finish()
    }

    /// One slot for a matrix that is made orthogonal, Adam's two for the others.
    fn slots(&self, variable: &VariableSpec) -> Vec<SlotSpec> {
        let mut slots = vec![SlotSpec::like(variable, "momentum")];
        if !self.is_orthogonalized(variable) {
            slots.push(SlotSpec::like(variable, "velocity"));
        }
        slots
    }

    fn weight_decay_of(&self, variable: &VariableSpec) -> Option<f64> {
        if self.is_orthogonalized(variable) {
            self.settings.weight_decay
        } else {
            self.adam_weight_decay
        }
    }

    fn prepare(&self, cx: &mut UpdateCx<'_>, _shared: &[ValueId]) -> Result<Prepared, LayerError> {
        let square = one_minus_power(cx, self.adam_beta_2)?;
        let root = cx.graph.sqrt(square)?;
        let divisor = one_minus_power(cx, self.adam_beta_1)?;
        let correction = cx.graph.div(root, divisor)?;
        let rate = cx.graph.mul_scalar(cx.learning_rate, self.adam_lr_ratio)?;
        let alpha = cx.graph.mul(rate, correction)?;
        Ok(Prepared { scalars: vec![alpha], shared: Vec::new() })
    }

    fn update(
        &self,
        cx: &mut UpdateCx<'_>,
        variable: ValueId,
        gradient: ValueId,
        slots: &[ValueId],
    ) -> Result<(ValueId, Vec<ValueId>), LayerError> {
        let graph = &mut *cx.graph;
        if let &[m, v] = slots {
            let m = moving_average(graph, m, gradient, self.adam_beta_1)?;
            let square = graph.square(gradient)?;
            let v = moving_average(graph, v, square, self.adam_beta_2)?;
            let step = graph.mul(m, cx.scalars[0])?;
            let step = over_root_plus(graph, step, v, self.epsilon)?;
            return Ok((graph.sub(variable, step)?, vec![m, v]));
        }
        let kept = graph.mul_scalar(slots[0], self.momentum)?;
        let momentum = graph.add(kept, gradient)?;
        let mut way = momentum;
        if self.nesterov {
            let ahead = graph.mul_scalar(momentum, self.momentum)?;
            way = graph.add(gradient, ahead)?;
        }
        let way = self.orthogonalized(graph, way)?;
        let largest = graph.shape(variable).sizes(1).into_iter().max().unwrap_or(1) as f64;
        let rate = graph.mul_scalar(cx.learning_rate, self.rms_rate * largest.sqrt())?;
        let step = graph.mul(way, rate)?;
        Ok((graph.sub(variable, step)?, vec![momentum]))
    }
}
