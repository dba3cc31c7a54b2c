use std::collections::BTreeMap;

use cornu_engine::{Options, Program, Run, Variables};
use cornu_model::{Forward, Model, Structure};
use cornu_tensor::Tensor;

use crate::programs::{self, ProgramKey, SELECTOR, features, last_convolution, with_maps};
use crate::score::{Head, selector};
use crate::{ExplainError, Map, Method, ScoreKind, Target, methods};

/// Pictures that go through a program at a time.
pub(crate) const BATCH: usize = 32;

/// Explains the answers of a model.
///
/// It holds a copy of the model's weights and the programs that were compiled so far: each method
/// compiles its own when it is first used, and then explains pictures of any class without compiling
/// again. Results do not depend on the number of threads.
#[derive(Debug)]
pub struct Explainer<'a> {
    model: &'a Model,
    forward: Forward,
    head: Head,
    kind: ScoreKind,
    options: Options,
    programs: BTreeMap<ProgramKey, Program>,
    variables: Variables,
    /// Height, width and channels of a picture.
    pub(crate) picture: [usize; 3],
    pub(crate) n_outputs: usize,
}

impl<'a> Explainer<'a> {
    /// An explainer of scores before the last activation ([`ScoreKind::Logit`]).
    ///
    /// # Errors
    ///
    /// [`ExplainError::Structure`] if the model does not take one picture `(height, width, channels)`
    /// or does not give one number per class, or has layers with channels first; [`ExplainError::Model`] if it cannot be lowered.
    pub fn new(model: &'a Model) -> Result<Self, ExplainError> {
        let forward = model.forward(false)?;
        let problem =
            |problem: String| ExplainError::Structure { model: model.name().to_owned(), problem };
        if let Some(layer) = channels_first(&model.structure()?) {
            return Err(problem(format!(
                "layer `{layer}` has channels first, but maps are made of pictures and feature maps \
                 (N, height, width, channels); build the model with data_format \"channels_last\" and \
                 give it the same weights (set_weights), which have the same shapes"
            )));
        }
        let sizes = |value| {
            let shape = forward.graph.shape(value);
            let is_sample = shape.is_batched() && 1 < shape.rank();
            if is_sample { shape.sizes(1)[1..].to_vec() } else { Vec::new() }
        };
        let picture = match forward.inputs[..] {
            [input] => match sizes(input)[..] {
                [height, width, channels] => [height, width, channels],
                _ => {
                    return Err(problem(format!(
                        "expected an input of shape (N, height, width, channels), got {}",
                        forward.graph.shape(input)
                    )));
                }
            },
            _ => {
                let n = forward.inputs.len();
                return Err(problem(format!("expected one input, for pictures, got {n}")));
            }
        };
        let n_outputs = match forward.outputs[..] {
            [output] => match sizes(output)[..] {
                [n] if 0 < n => n,
                _ => {
                    return Err(problem(format!(
                        "expected an output of shape (N, classes), got {}",
                        forward.graph.shape(output)
                    )));
                }
            },
            _ => {
                let n = forward.outputs.len();
                return Err(problem(format!("expected one output, got {n}")));
            }
        };
        let (head, _) = Head::of(&forward.graph, forward.outputs[0]);
        let mut explainer = Self {
            model,
            forward,
            head,
            kind: ScoreKind::default(),
            options: Options::from_environment()?,
            programs: BTreeMap::new(),
            variables: Variables::new(),
            picture,
            n_outputs,
        };
        explainer.set_weights(&model.get_weights());
        Ok(explainer)
    }

    /// The same of another score.
    pub fn score_kind(mut self, kind: ScoreKind) -> Self {
        self.kind = kind;
        self.programs.clear();
        self
    }

    /// The same with other options of the engine: threads, instruction set, runtime.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self.programs.clear();
        self
    }

    pub(crate) fn model(&self) -> &'a Model {
        self.model
    }

    /// Path of the layer that methods look at unless they are told another: that of the last
    /// convolution, also inside of a model used as a layer (`base/conv2d`).
    ///
    /// # Errors
    ///
    /// [`ExplainError::Structure`] if there is no convolution of pictures.
    pub fn default_layer(&self) -> Result<String, ExplainError> {
        last_convolution(&self.forward).ok_or_else(|| {
            let others = with_maps(&self.forward);
            let advice = if others.is_empty() {
                "use a method without one (saliency, smoothgrad, integrated-gradients, occlusion)"
                    .to_owned()
            } else {
                format!("name a layer with feature maps: {}", others.join(", "))
            };
            let problem = format!("it has no convolution to look at; {advice}");
            ExplainError::Structure { model: self.model.name().to_owned(), problem }
        })
    }

    /// `layer`, if it has feature maps, or the default one.
    pub(crate) fn layer(&self, layer: Option<&String>) -> Result<String, ExplainError> {
        let Some(layer) = layer else { return self.default_layer() };
        features(&self.forward, layer).map(|_| layer.clone())
    }

    /// Replaces the copy of the weights, in the order of [`Model::get_weights`]. What was compiled
    /// stays.
    pub(crate) fn set_weights(&mut self, weights: &[Tensor]) {
        let mut variables = Variables::new();
        for weight in weights {
            variables.push(weight.clone());
        }
        self.variables = variables;
    }

    /// The map of one picture `(height, width, channels)`, in the numbers that the model takes.
    ///
    /// # Errors
    ///
    /// [`ExplainError::Picture`], [`ExplainError::Class`], [`ExplainError::Layer`],
    /// [`ExplainError::Setting`]; [`ExplainError::Engine`] if there is too little memory.
    pub fn explain(
        &mut self,
        picture: &Tensor,
        method: &Method,
        target: Target,
    ) -> Result<Map, ExplainError> {
        let dims = [&[1], picture.dims()].concat();
        let batch = picture.clone().reshaped(dims).map_err(|error| ExplainError::Picture {
            expected: "an array".to_owned(),
            got: error.to_string(),
        })?;
        let mut maps = self.explain_batch(&batch, method, &[target])?;
        maps.pop().ok_or_else(|| ExplainError::Picture {
            expected: "one picture".to_owned(),
            got: "none".to_owned(),
        })
    }

    /// The maps of pictures `(N, height, width, channels)`, of one class each.
    ///
    /// # Errors
    ///
    /// As for [`Explainer::explain`]; also if there are not as many targets as pictures.
    pub fn explain_batch(
        &mut self,
        pictures: &Tensor,
        method: &Method,
        targets: &[Target],
    ) -> Result<Vec<Map>, ExplainError> {
        self.check(pictures, targets)?;
        let mut maps = Vec::with_capacity(targets.len());
        for start in (0..targets.len()).step_by(BATCH) {
            let end = targets.len().min(start + BATCH);
            let batch = pictures.rows(start, end);
            let cases = self.cases(&batch, &targets[start..end])?;
            maps.extend(methods::maps(self, &batch, method, &cases)?);
        }
        Ok(maps)
    }

    fn check(&self, pictures: &Tensor, targets: &[Target]) -> Result<(), ExplainError> {
        let [height, width, channels] = self.picture;
        let problem = |expected: String, got: String| Err(ExplainError::Picture { expected, got });
        if pictures.dims().get(1..) != Some(&self.picture[..]) {
            let got = pictures.dims().get(1..).unwrap_or_default();
            return problem(format!("shape ({height}, {width}, {channels})"), format!("{got:?}"));
        }
        if pictures.dims()[0] != targets.len() {
            let expected = format!("as many pictures as targets ({})", targets.len());
            return problem(expected, pictures.dims()[0].to_string());
        }
        match pictures.data().iter().find(|x| !x.is_finite()) {
            Some(bad) => problem("finite numbers".to_owned(), bad.to_string()),
            None => Ok(()),
        }
    }

    /// Outputs, class and score of each picture of a batch.
    fn cases(&mut self, batch: &Tensor, targets: &[Target]) -> Result<Vec<Case>, ExplainError> {
        // The score is that of another class until the class is known, so it is taken from the outputs
        // where the model has an activation of its own only after a second run.
        let zeros = vec![0.0; targets.len() * self.n_outputs];
        let first =
            self.run(&ProgramKey::Score, batch.data(), &[(SELECTOR, &zeros)], targets.len())?;
        let mut cases = Vec::with_capacity(targets.len());
        let mut selectors = Vec::with_capacity(zeros.len());
        for (outputs, &target) in first[0].data().chunks(self.n_outputs).zip(targets) {
            let class = match target {
                Target::Predicted => self.head.predicted(outputs),
                Target::Class(class) => class,
            };
            let (selector, added) = selector(self.n_outputs, class, self.kind, self.head)?;
            selectors.extend_from_slice(&selector);
            cases.push(Case { class, outputs: outputs.to_vec(), selector, added, score: added });
        }
        let inputs = [(SELECTOR, &selectors[..])];
        let second = self.run(&ProgramKey::Score, batch.data(), &inputs, targets.len())?;
        for (case, &score) in cases.iter_mut().zip(second[1].data()) {
            case.score += f64::from(score);
        }
        Ok(cases)
    }

    /// Scores of `pictures` (any number, as they lie one after the other) under one selector.
    pub(crate) fn scores(
        &mut self,
        pictures: &[f32],
        case: &Case,
    ) -> Result<Vec<f64>, ExplainError> {
        let n = pictures.len() / self.picture.iter().product::<usize>().max(1);
        let selectors = case.selector.repeat(n);
        let results = self.run(&ProgramKey::Score, pictures, &[(SELECTOR, &selectors)], n)?;
        Ok(results[1].data().iter().map(|&score| case.added + f64::from(score)).collect())
    }

    /// Runs the program of `key`, compiled when it is first asked for.
    pub(crate) fn run(
        &mut self,
        key: &ProgramKey,
        pictures: &[f32],
        others: &[(&str, &[f32])],
        samples: usize,
    ) -> Result<Vec<Tensor>, ExplainError> {
        self.run_seeded(key, pictures, others, samples, (0, 0))
    }

    /// The same with the seed of random numbers, and the step that they are drawn for.
    pub(crate) fn run_seeded(
        &mut self,
        key: &ProgramKey,
        pictures: &[f32],
        others: &[(&str, &[f32])],
        samples: usize,
        (seed, step): (u64, u64),
    ) -> Result<Vec<Tensor>, ExplainError> {
        if !self.programs.contains_key(key) {
            let graph = programs::graph(self.model, key, self.kind)?;
            self.programs.insert(key.clone(), Program::compile(graph, &self.options)?);
        }
        let Some(program) = self.programs.get_mut(key) else { return Ok(Vec::new()) };
        let names = self.model.input_names();
        let mut inputs = vec![(names[0], pictures)];
        inputs.extend_from_slice(others);
        let binding: Vec<usize> = (0..self.variables.len()).collect();
        Ok(program.run(&mut Run {
            inputs: &inputs,
            variables: &mut self.variables,
            binding: &binding,
            samples,
            seed,
            step,
        })?)
    }
}

/// A layer, inside of models too, whose pictures have their channels on the first axis.
fn channels_first(structure: &Structure) -> Option<String> {
    structure.calls.iter().find_map(|call| match &call.inner {
        Some(inner) => channels_first(inner),
        None => {
            let format = call.config.get("data_format")?.as_str()?;
            (format == "channels_first").then(|| call.name.clone())
        }
    })
}

/// A picture's class, and how its score is made of the outputs.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) class: usize,
    pub(crate) outputs: Vec<f32>,
    pub(crate) selector: Vec<f32>,
    pub(crate) added: f64,
    pub(crate) score: f64,
}
