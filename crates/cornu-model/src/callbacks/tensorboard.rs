use std::path::{Path, PathBuf};
use std::time::Instant;

use cornu_formats::WriteError;
use cornu_formats::tensorboard::EventWriter;
use cornu_tensor::Tensor;

use super::{Callback, CallbackCx};
use crate::history::Logs;
use crate::{Model, ModelError};

/// Writes what TensorBoard shows: `tensorboard --logdir DIR`.
///
/// | folder | tag | step |
/// |---|---|---|
/// | `train` | `epoch_loss`, `epoch_<metric>`, `epoch_learning_rate` | epoch |
/// | `train` | `batch_loss`, `batch_<metric>`: means over the epoch so far ([`UpdateFreq`]) | training step, from 1 |
/// | `train` | `<weight>/histogram`, `<weight>/image` | epoch |
/// | `train` | `keras` (the model, drawn by TensorBoard as a graph), `model_summary` (a text) | 0 |
/// | `validation` | `epoch_loss`, `epoch_<metric>` | epoch |
/// | `validation` | `evaluation_<log>_vs_iterations` | training step |
///
/// ```no_run
/// use cornu_model::Fit;
/// use cornu_model::callbacks::{TensorBoard, UpdateFreq};
///
/// let board = TensorBoard::new("logs").histogram_freq(1).update_freq(UpdateFreq::Batches(10));
/// let fit = Fit::epochs(20).callback(board);
/// ```
///
/// # Errors
///
/// Training ends with [`ModelError::File`] if a file cannot be written. `profile_batch` and
/// `embeddings_freq` other than 0 are refused by name when training begins.
///
/// # Source
///
/// Keras 3, `keras/src/callbacks/tensorboard.py`. Unlike there, weights that are shown as pictures run
/// from black, the smallest value, to white, the largest; Keras cuts them off at 0 and 1.
#[derive(Debug)]
pub struct TensorBoard {
    log_dir: PathBuf,
    histogram_freq: usize,
    write_graph: bool,
    write_images: bool,
    write_steps_per_second: bool,
    update_freq: UpdateFreq,
    profile_batch: usize,
    embeddings_freq: usize,
    train: Option<EventWriter>,
    validation: Option<EventWriter>,
    epoch_start: Instant,
    batch_start: Instant,
    /// Training steps so far.
    batches: u64,
}

/// When the logs of batches are written: Keras's `update_freq`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UpdateFreq {
    /// Never; only those of epochs are.
    #[default]
    Epoch,
    /// After each batch.
    Batch,
    /// After each so-many-th training step.
    Batches(usize),
}

impl TensorBoard {
    /// Writes into the folders `train` and `validation` of `log_dir`.
    pub fn new(log_dir: impl AsRef<Path>) -> Self {
        Self {
            log_dir: log_dir.as_ref().to_owned(),
            histogram_freq: 0,
            write_graph: true,
            write_images: false,
            write_steps_per_second: false,
            update_freq: UpdateFreq::Epoch,
            profile_batch: 0,
            embeddings_freq: 0,
            train: None,
            validation: None,
            epoch_start: Instant::now(),
            batch_start: Instant::now(),
            batches: 0,
        }
    }

    /// Epochs from one histogram of the weights to the next; 0 for none. Default: 0.
    pub fn histogram_freq(mut self, epochs: usize) -> Self {
        self.histogram_freq = epochs;
        self
    }

    /// Whether the model is written. Default: true.
    pub fn write_graph(mut self, write: bool) -> Self {
        self.write_graph = write;
        self
    }

    /// Whether weights are shown as pictures, too, whenever there are histograms. Default: false.
    pub fn write_images(mut self, write: bool) -> Self {
        self.write_images = write;
        self
    }

    /// Whether `epoch_steps_per_second` and `batch_steps_per_second` are written. Default: false.
    pub fn write_steps_per_second(mut self, write: bool) -> Self {
        self.write_steps_per_second = write;
        self
    }

    /// When the logs of batches are written. Default: never.
    pub fn update_freq(mut self, update_freq: UpdateFreq) -> Self {
        self.update_freq = update_freq;
        self
    }

    /// Keras's batch to profile. Only 0, none, is taken: `cornu bench --profile` times the steps of a
    /// plan.
    pub fn profile_batch(mut self, batch: usize) -> Self {
        self.profile_batch = batch;
        self
    }

    /// Keras's frequency of embeddings. Only 0, never, is taken.
    pub fn embeddings_freq(mut self, epochs: usize) -> Self {
        self.embeddings_freq = epochs;
        self
    }

    /// Writes with the writer of `part`, which is made when it is needed first.
    fn write(
        &mut self,
        part: Part,
        mut what: impl FnMut(&mut EventWriter) -> Result<(), WriteError>,
    ) -> Result<(), ModelError> {
        let (writer, folder) = match part {
            Part::Train => (&mut self.train, "train"),
            Part::Validation => (&mut self.validation, "validation"),
        };
        let written = match writer {
            Some(writer) => what(writer),
            None => EventWriter::create(self.log_dir.join(folder))
                .and_then(|made| what(writer.insert(made))),
        };
        written.map_err(|error| ModelError::File {
            path: error.path.clone(),
            problem: error.without_path(),
        })
    }

    fn write_weights(&mut self, model: &Model, epoch: usize) -> Result<(), ModelError> {
        let step = epoch as u64;
        let names: Vec<String> =
            model.weight_infos().iter().map(|info| info.path.clone()).collect();
        let write_images = self.write_images;
        for (name, value) in names.iter().zip(model.get_weights()) {
            self.write(Part::Train, |writer| {
                writer.histogram(&format!("{name}/histogram"), value.data(), step)?;
                match pictures(&value).filter(|_| write_images) {
                    Some((size, pictures)) => {
                        writer.images(&format!("{name}/image"), size, &pictures, step)
                    }
                    None => Ok(()),
                }
            })?;
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Part {
    Train,
    Validation,
}

/// Pictures of a weight that TensorBoard shows at a time.
const MOST_PICTURES: usize = 3;

/// A weight as grey pictures of one size (width, height, 1): axes of size 1 are dropped; one axis is a
/// column, two are a picture that is wider than high, of three the last one counts the pictures. `None`
/// for more axes.
fn pictures(weight: &Tensor) -> Option<([usize; 3], Vec<Vec<u8>>)> {
    let dims: Vec<usize> = weight.dims().iter().copied().filter(|&size| size != 1).collect();
    let data = weight.data();
    // Width, height and number of pictures, and how far apart neighbours are.
    let ([width, height, n], [right, down, next]) = match dims[..] {
        [] => ([1, 1, 1], [0, 0, 0]),
        [height] => ([1, height, 1], [0, 1, 0]),
        [height, width] if height <= width => ([width, height, 1], [1, width, 0]),
        [width, height] => ([width, height, 1], [height, 1, 0]),
        [height, width, n] => ([width, height, n], [n, width * n, 1]),
        _ => return None,
    };
    if data.is_empty() {
        return None;
    }
    let finite = || data.iter().copied().filter(|value| value.is_finite());
    let (min, max) = finite().fold((f32::INFINITY, f32::NEG_INFINITY), |(min, max), value| {
        (min.min(value), max.max(value))
    });
    let scale = if min < max { 255.0 / (max - min) } else { 0.0 };
    let picture = |i: usize| {
        let mut pixels = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                let value = data[i * next + y * down + x * right];
                pixels.push(((value - min) * scale).round() as u8);
            }
        }
        pixels
    };
    Some(([width, height, 1], (0..n.min(MOST_PICTURES)).map(picture).collect()))
}

impl Callback for TensorBoard {
    fn on_train_begin(&mut self, cx: &mut CallbackCx<'_>) -> Result<(), ModelError> {
        let refused = |argument: &str, got: usize, hint: &str| {
            Err(ModelError::data(
                format!("TensorBoard: {argument}"),
                format!("0; {hint}"),
                got.to_string(),
            ))
        };
        if self.profile_batch != 0 {
            let hint = "`cornu bench --profile` and `Model::profile` say where the time goes";
            return refused("profile_batch", self.profile_batch, hint);
        }
        if self.embeddings_freq != 0 {
            let hint = "embeddings are not written; `Model::save` keeps them";
            return refused("embeddings_freq", self.embeddings_freq, hint);
        }
        if self.update_freq == UpdateFreq::Batches(0) {
            return Err(ModelError::data("TensorBoard: update_freq", "at least 1 batch", "0"));
        }
        (self.train, self.validation) = (None, None);
        self.batches = cx.model.iterations()?;
        if self.write_graph {
            let json = cx.model.to_json();
            let summary = cx.model.summary();
            // Four spaces: TensorBoard's Markdown then keeps the lines as they are.
            let text: String = summary.lines().map(|line| format!("    {line}\n")).collect();
            self.write(Part::Train, |writer| {
                writer.keras_model(&json)?;
                writer.text("model_summary", &text, 0)
            })?;
        }
        // Made now, so that a folder that cannot be written to is told before the first step.
        self.write(Part::Train, |_| Ok(()))
    }

    fn on_epoch_begin(
        &mut self,
        _cx: &mut CallbackCx<'_>,
        _epoch: usize,
    ) -> Result<(), ModelError> {
        self.epoch_start = Instant::now();
        self.batch_start = self.epoch_start;
        Ok(())
    }

    fn on_batch_end(
        &mut self,
        _cx: &mut CallbackCx<'_>,
        _batch: usize,
        logs: &Logs,
    ) -> Result<(), ModelError> {
        self.batches += 1;
        let step = self.batches;
        let is_due = match self.update_freq {
            UpdateFreq::Epoch => false,
            UpdateFreq::Batch => true,
            UpdateFreq::Batches(n) => step.is_multiple_of(n as u64),
        };
        let seconds = self.batch_start.elapsed().as_secs_f64().max(1e-9);
        self.batch_start = Instant::now();
        if !is_due {
            return Ok(());
        }
        let write_steps_per_second = self.write_steps_per_second;
        self.write(Part::Train, |writer| {
            if write_steps_per_second {
                writer.scalar("batch_steps_per_second", 1.0 / seconds, step)?;
            }
            let mut logs = logs.iter();
            logs.try_for_each(|(name, &value)| writer.scalar(&format!("batch_{name}"), value, step))
        })
    }

    fn on_epoch_end(
        &mut self,
        cx: &mut CallbackCx<'_>,
        epoch: usize,
        logs: &mut Logs,
    ) -> Result<(), ModelError> {
        let step = epoch as u64;
        let mut own = logs.clone();
        own.insert("learning_rate".to_owned(), cx.learning_rate()?);
        if self.write_steps_per_second {
            let seconds = self.epoch_start.elapsed().as_secs_f64().max(1e-9);
            own.insert("steps_per_second".to_owned(), cx.plan().batches as f64 / seconds);
        }
        self.write(Part::Train, |writer| {
            let mut logs = own.iter().filter(|(name, _)| !name.starts_with("val_"));
            logs.try_for_each(|(name, &value)| writer.scalar(&format!("epoch_{name}"), value, step))
        })?;
        let of_validation =
            || logs.iter().filter_map(|(name, &value)| Some((name.strip_prefix("val_")?, value)));
        if of_validation().next().is_some() {
            let iterations = cx.model.iterations()?;
            self.write(Part::Validation, |writer| {
                of_validation().try_for_each(|(name, value)| {
                    let tag = format!("evaluation_{name}_vs_iterations");
                    writer.scalar(&tag, value, iterations)?;
                    writer.scalar(&format!("epoch_{name}"), value, step)
                })
            })?;
        }
        if self.histogram_freq != 0 && epoch.is_multiple_of(self.histogram_freq) {
            self.write_weights(cx.model, epoch)?;
        }
        Ok(())
    }

    fn on_train_end(&mut self, _cx: &mut CallbackCx<'_>) -> Result<(), ModelError> {
        (self.train, self.validation) = (None, None);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_become_pictures_as_in_keras() {
        let weight = |dims: &[usize]| Tensor::from_fn(dims.to_vec(), |i| i as f32);
        // A kernel of one input channel: a picture for each filter, three at most.
        let (size, shown) = pictures(&weight(&[2, 2, 1, 4])).unwrap();
        assert_eq!((size, shown.len()), ([2, 2, 1], 3));
        assert_eq!(shown[1], [17, 85, 153, 221]);
        // A dense kernel lies on its side.
        let (size, shown) = pictures(&weight(&[3, 2])).unwrap();
        assert_eq!((size, shown[0].clone()), ([3, 2, 1], vec![0, 102, 204, 51, 153, 255]));
        assert_eq!(pictures(&weight(&[5])).unwrap().0, [1, 5, 1]);
        assert!(pictures(&weight(&[3, 3, 2, 4])).is_none());
        assert_eq!(pictures(&Tensor::full([2], 1.0)).unwrap().1, [[0, 0]]);
    }
}
