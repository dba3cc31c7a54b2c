use std::sync::Arc;

use cornu_graph::ValueId;
use cornu_tensor::Shape;
use serde_json::{Map, Value, json};

use super::cell::{Cell, Masks};
use super::recurrent::{Recurrent, stack, step_of};
use super::{GRUCell, LSTMCell, SimpleRNNCell};
use crate::config::{keras_object, object_parts};
use crate::layers::nested::{float32_policy, snake_case};
use crate::layers::{LowerCx, Sublayer, WeightSpec, check_dtype};
use crate::{ConfigReader, ConfigWriter, LayerError, SymbolicShape};

/// A cell of any class, with its name.
#[derive(Debug, Clone)]
pub struct AnyCell {
    /// Its name, which is part of the paths of its weights.
    pub name: String,
    /// The cell.
    pub cell: Arc<dyn Cell>,
}

impl PartialEq for AnyCell {
    fn eq(&self, other: &Self) -> bool {
        self.to_object() == other.to_object()
    }
}

impl AnyCell {
    /// With Keras's name for its class.
    pub fn new(cell: impl Cell + 'static) -> Self {
        Self { name: snake_case(cell.class_name()), cell: Arc::new(cell) }
    }

    fn from_object(object: &Value) -> Result<Self, LayerError> {
        let (class_name, config) = object_parts("cell", object)?;
        let mut reader = ConfigReader::new(&config)?;
        reader.ignore(&["trainable", "dtype"]);
        check_dtype(&config["dtype"])?;
        let name = reader.string_or("name", &snake_case(&class_name))?;
        let config = &mut reader;
        let cell: Arc<dyn Cell> = match class_name.as_str() {
            "SimpleRNNCell" => Arc::new(SimpleRNNCell::read(config)?),
            "LSTMCell" => Arc::new(LSTMCell::read(config)?),
            "GRUCell" => Arc::new(GRUCell::read(config)?),
            "StackedRNNCells" => Arc::new(StackedRNNCells::read(config)?),
            _ => return Err(LayerError::UnknownClass { kind: "cell", name: class_name }),
        };
        reader.finish()?;
        Ok(Self { name, cell })
    }

    fn to_object(&self) -> Value {
        let mut config = Map::new();
        config.insert("name".to_owned(), json!(self.name));
        config.insert("trainable".to_owned(), json!(true));
        config.insert("dtype".to_owned(), float32_policy());
        config.extend(self.cell.write(ConfigWriter::new()).finish());
        // The simple cell writes its seed, which its layer does not.
        if self.cell.class_name() == "SimpleRNNCell" {
            config.entry("seed").or_insert(Value::Null);
        }
        keras_object("keras.layers", self.cell.class_name(), config)
    }
}

impl Recurrent<AnyCell> {
    /// This cell over time.
    pub fn new(cell: impl Cell + 'static) -> Self {
        Self::of(AnyCell::new(cell))
    }
}

/// As the cell itself, whose configuration lies under `cell`.
impl Cell for AnyCell {
    fn layer_name(&self) -> &'static str {
        "RNN"
    }

    fn class_name(&self) -> &'static str {
        self.cell.class_name()
    }

    fn sublayer(&self) -> Sublayer {
        Sublayer::new(self.name.as_str(), "cell")
    }

    fn read(config: &mut ConfigReader) -> Result<Self, LayerError> {
        let object =
            config.present("cell").ok_or_else(|| LayerError::MissingKey("cell".to_owned()))?;
        Self::from_object(&object)
    }

    fn write(&self, config: ConfigWriter) -> ConfigWriter {
        config.set("cell", self.to_object())
    }

    fn state_shapes(&self, step: &SymbolicShape) -> Result<Vec<SymbolicShape>, LayerError> {
        self.cell.state_shapes(step)
    }

    fn weights(&self, step: &SymbolicShape) -> Result<Vec<WeightSpec>, LayerError> {
        self.cell.weights(step)
    }

    fn output_shape(&self, step: &SymbolicShape) -> Result<SymbolicShape, LayerError> {
        self.cell.output_shape(step)
    }

    fn draw(&self, cx: &mut LowerCx<'_>, step: &Shape) -> Result<Masks, LayerError> {
        self.cell.draw(cx, step)
    }

    fn prepare(
        &self,
        cx: &mut LowerCx<'_>,
        weights: &[ValueId],
        sequence: ValueId,
        masks: &Masks,
    ) -> Result<ValueId, LayerError> {
        self.cell.prepare(cx, weights, sequence, masks)
    }

    fn step(
        &self,
        cx: &mut LowerCx<'_>,
        weights: &[ValueId],
        prepared: ValueId,
        states: &[ValueId],
        masks: &Masks,
    ) -> Result<(ValueId, Vec<ValueId>), LayerError> {
        self.cell.step(cx, weights, prepared, states, masks)
    }
}

/// Cells one after the other in each step: the output of one is the input of the next.
///
/// States and weights: those of all cells in order; the output is the last cell's. Keras 3, keras/src/layers/rnn/stacked_rnn_cells.py.
#[derive(Debug, Clone, PartialEq)]
pub struct StackedRNNCells {
    /// From the input on.
    pub cells: Vec<AnyCell>,
}

impl StackedRNNCells {
    /// Of these cells.
    pub fn new(cells: impl Into<Vec<AnyCell>>) -> Self {
        Self { cells: cells.into() }
    }

    /// What files call the cells: their classes' names, numbered where one comes again.
    fn keys(&self) -> Vec<String> {
        let name = |cell: &AnyCell| snake_case(cell.class_name());
        let n_before = |index: usize| {
            let own = name(&self.cells[index]);
            self.cells[..index].iter().filter(|cell| name(cell) == own).count()
        };
        (0..self.cells.len())
            .map(|index| match n_before(index) {
                0 => name(&self.cells[index]),
                n => format!("{}_{n}", name(&self.cells[index])),
            })
            .collect()
    }

    /// The shape of each cell's steps.
    fn step_shapes(&self, step: &SymbolicShape) -> Result<Vec<SymbolicShape>, LayerError> {
        let mut shapes = vec![step.clone()];
        for cell in &self.cells {
            let last = shapes[shapes.len() - 1].clone();
            shapes.push(cell.output_shape(&last)?);
        }
        shapes.pop();
        Ok(shapes)
    }
}

impl Cell for StackedRNNCells {
    fn layer_name(&self) -> &'static str {
        "RNN"
    }

    fn class_name(&self) -> &'static str {
        "StackedRNNCells"
    }

    fn sublayer(&self) -> Sublayer {
        Sublayer::new("stacked_rnn_cells", "cell")
    }

    fn read(config: &mut ConfigReader) -> Result<Self, LayerError> {
        let value =
            config.present("cells").ok_or_else(|| LayerError::MissingKey("cells".to_owned()))?;
        let cells = value.as_array().filter(|cells| !cells.is_empty());
        let cells = cells.ok_or_else(|| LayerError::config("cells", "a list of cells", &value))?;
        Ok(Self { cells: cells.iter().map(AnyCell::from_object).collect::<Result<_, _>>()? })
    }

    fn write(&self, config: ConfigWriter) -> ConfigWriter {
        let cells: Vec<Value> = self.cells.iter().map(AnyCell::to_object).collect();
        config.set("cells", cells)
    }

    fn state_shapes(&self, step: &SymbolicShape) -> Result<Vec<SymbolicShape>, LayerError> {
        let mut shapes = Vec::new();
        for (cell, step) in self.cells.iter().zip(self.step_shapes(step)?) {
            shapes.extend(cell.state_shapes(&step)?);
        }
        Ok(shapes)
    }

    fn output_shape(&self, step: &SymbolicShape) -> Result<SymbolicShape, LayerError> {
        self.cells.iter().try_fold(step.clone(), |step, cell| cell.output_shape(&step))
    }

    fn weights(&self, step: &SymbolicShape) -> Result<Vec<WeightSpec>, LayerError> {
        let mut weights = Vec::new();
        let keys = self.keys();
        for ((cell, step), key) in self.cells.iter().zip(self.step_shapes(step)?).zip(keys) {
            let own = cell.weights(&step)?;
            // Files put the cells of the list under `cells`.
            weights.extend(own.into_iter().map(|spec| {
                spec.of_sublayer(Sublayer::new(cell.name.as_str(), format!("cells/{key}")))
            }));
        }
        Ok(weights)
    }

    fn draw(&self, cx: &mut LowerCx<'_>, step: &Shape) -> Result<Masks, LayerError> {
        let step = SymbolicShape::from_graph(step);
        let mut inner = Vec::new();
        for (cell, step) in self.cells.iter().zip(self.step_shapes(&step)?) {
            let step = step.to_graph().ok_or_else(|| {
                LayerError::input_shape("known sizes", std::slice::from_ref(&step))
            })?;
            inner.push(cell.draw(cx, &step)?);
        }
        Ok(Masks { inner, ..Masks::default() })
    }

    fn prepare(
        &self,
        _cx: &mut LowerCx<'_>,
        _weights: &[ValueId],
        sequence: ValueId,
        _masks: &Masks,
    ) -> Result<ValueId, LayerError> {
        Ok(sequence)
    }

    fn step(
        &self,
        cx: &mut LowerCx<'_>,
        weights: &[ValueId],
        prepared: ValueId,
        states: &[ValueId],
        masks: &Masks,
    ) -> Result<(ValueId, Vec<ValueId>), LayerError> {
        let (mut x, mut all) = (prepared, Vec::with_capacity(states.len()));
        let (mut weights, mut states) = (weights, states);
        for (cell, masks) in self.cells.iter().zip(&masks.inner) {
            let step = SymbolicShape::from_graph(cx.graph.shape(x));
            let (own, rest) = weights.split_at(cell.weights(&step)?.len());
            let (before, others) = states.split_at(cell.state_shapes(&step)?.len());
            let line = stack(cx.graph, &[x])?;
            let line = cell.prepare(cx, own, line, masks)?;
            let x_of_cell = step_of(cx.graph, line, 0)?;
            let (y, after) = cell.step(cx, own, x_of_cell, before, masks)?;
            x = y;
            all.extend(after);
            (weights, states) = (rest, others);
        }
        Ok((x, all))
    }
}
