//! Event files of TensorBoard: numbers, histograms, pictures and texts over time.
//!
//! A file is a row of records (`record.rs`), each an `Event` in the wire format of protocol buffers
//! (`wire.rs`). Values are written as TensorFlow 2 writes them: tensors, with the name of the plugin that
//! shows them.
//!
//! Source: TensorFlow, `core/util/event.proto`, `core/framework/summary.proto`, `tensor.proto`;
//! TensorBoard, `plugins/*/summary_v2.py`.

mod histogram;
mod record;
mod wire;

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::safe_write::WriteError;

pub use histogram::buckets;
pub use record::{crc32c, framed, masked};
use wire::Message;

/// `DataClass` of the values, which decides who stores them.
const SCALAR: u64 = 1;
const TENSOR: u64 = 2;
const BLOBS: u64 = 3;

/// `DataType` of tensors.
const FLOAT: u64 = 1;
const DOUBLE: u64 = 2;
const STRING: u64 = 7;

/// Writes an event file. What was written is on its way to the file when a method returns.
#[derive(Debug)]
pub struct EventWriter {
    path: PathBuf,
    file: File,
}

impl EventWriter {
    /// Makes the folder and in it a new file `events.out.tfevents...`; others stay: TensorBoard shows all
    /// of them together.
    ///
    /// # Errors
    ///
    /// [`WriteError`] if the folder or the file cannot be made.
    pub fn create(folder: impl AsRef<Path>) -> Result<Self, WriteError> {
        static FILES: AtomicU64 = AtomicU64::new(0);
        let folder = folder.as_ref();
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let is_plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let host: String = host.trim().chars().filter(is_plain).collect();
        let host = if host.is_empty() { "localhost" } else { &host };
        let name = format!(
            "events.out.tfevents.{:010}.{host}.{}.{}.v2",
            now() as u64,
            std::process::id(),
            FILES.fetch_add(1, Ordering::Relaxed)
        );
        let path = folder.join(name);
        let made = std::fs::create_dir_all(folder)
            .and_then(|()| File::options().create_new(true).append(true).open(&path));
        let file = made.map_err(|cause| WriteError { path: path.clone(), cause })?;
        let mut writer = Self { path, file };
        let version = Message::default().text(3, "brain.Event:2");
        writer.event(0, version)?;
        Ok(writer)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A number at a step.
    ///
    /// # Errors
    ///
    /// [`WriteError`]; likewise below.
    pub fn scalar(&mut self, tag: &str, value: f64, step: u64) -> Result<(), WriteError> {
        let tensor = tensor(FLOAT, &[]).bytes(4, &(value as f32).to_le_bytes());
        self.summary(tag, "scalars", b"", SCALAR, tensor, step)
    }

    /// How values are distributed at a step, in 30 buckets.
    #[allow(clippy::missing_errors_doc, reason = "see `scalar`")]
    pub fn histogram(&mut self, tag: &str, values: &[f32], step: u64) -> Result<(), WriteError> {
        let buckets = buckets(values);
        let content: Vec<u8> =
            buckets.iter().flatten().flat_map(|value| value.to_le_bytes()).collect();
        let tensor = tensor(DOUBLE, &[buckets.len(), 3]).bytes(4, &content);
        self.summary(tag, "histograms", b"", TENSOR, tensor, step)
    }

    /// Pictures of one size at a step, 1 (grey) or 3 (RGB) bytes a pixel.
    #[allow(clippy::missing_errors_doc, reason = "see `scalar`")]
    pub fn images(
        &mut self,
        tag: &str,
        [width, height, channels]: [usize; 3],
        pictures: &[Vec<u8>],
        step: u64,
    ) -> Result<(), WriteError> {
        let mut tensor = tensor(STRING, &[2 + pictures.len()])
            .bytes(8, width.to_string().as_bytes())
            .bytes(8, height.to_string().as_bytes());
        for pixels in pictures {
            let png = encoded(width, height, channels, pixels)
                .map_err(|cause| WriteError { path: self.path.clone(), cause })?;
            tensor = tensor.bytes(8, &png);
        }
        self.summary(tag, "images", b"", BLOBS, tensor, step)
    }

    /// A text at a step, shown as Markdown.
    #[allow(clippy::missing_errors_doc, reason = "see `scalar`")]
    pub fn text(&mut self, tag: &str, text: &str, step: u64) -> Result<(), WriteError> {
        let tensor = tensor(STRING, &[]).bytes(8, text.as_bytes());
        self.summary(tag, "text", b"", TENSOR, tensor, step)
    }

    /// The configuration of a Keras model, which TensorBoard draws as a graph.
    #[allow(clippy::missing_errors_doc, reason = "see `scalar`")]
    pub fn keras_model(&mut self, json: &str) -> Result<(), WriteError> {
        let tensor = tensor(STRING, &[]).bytes(8, json.as_bytes());
        self.summary("keras", "graph_keras_model", b"1", BLOBS, tensor, 0)
    }

    fn summary(
        &mut self,
        tag: &str,
        plugin: &str,
        content: &[u8],
        data_class: u64,
        tensor: Message,
        step: u64,
    ) -> Result<(), WriteError> {
        let plugin = Message::default().text(1, plugin).bytes(2, content);
        let metadata = Message::default().message(1, plugin).number(4, data_class);
        let value = Message::default().text(1, tag).message(9, metadata).message(8, tensor);
        let summary = Message::default().message(1, value);
        self.event(step, Message::default().message(5, summary))
    }

    fn event(&mut self, step: u64, what: Message) -> Result<(), WriteError> {
        let event = Message::default().double(1, now()).number(2, step).and(what);
        let written = self.file.write_all(&framed(event.as_bytes()));
        written.map_err(|cause| WriteError { path: self.path.clone(), cause })
    }
}

/// A tensor of a type and shape, without its values.
fn tensor(data_type: u64, dims: &[usize]) -> Message {
    let shape = dims.iter().fold(Message::default(), |shape, &size| {
        shape.message(2, Message::default().number(1, size as u64))
    });
    Message::default().number(1, data_type).message(2, shape)
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

fn encoded(width: usize, height: usize, channels: usize, pixels: &[u8]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(if channels == 1 { png::ColorType::Grayscale } else { png::ColorType::Rgb });
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scalar_has_the_bytes_that_tensorflow_writes() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = EventWriter::create(folder.path().join("train")).unwrap();
        writer.scalar("epoch_loss", 0.5, 3).unwrap();
        let bytes = std::fs::read(writer.path()).unwrap();
        // The version: 8 bytes of length, a sum, 9 bytes of time, no step, the text, a sum.
        let first = 8 + 4 + 9 + 2 + 13 + 4;
        assert_eq!(bytes[..8], 24u64.to_le_bytes());
        assert_eq!(&bytes[21..36], b"\x1a\x0dbrain.Event:2");
        // Time and step, then what `protoc --decode tensorboard.Event` reads as tag, tensor, metadata.
        let expected = b"\x10\x03\x2a\x29\x0a\x27\
            \x0a\x0aepoch_loss\
            \x4a\x0d\x0a\x09\x0a\x07scalars\x20\x01\
            \x42\x0a\x08\x01\x12\x00\x22\x04\x00\x00\x00\x3f";
        let event = &bytes[first + 12..bytes.len() - 4];
        assert_eq!(event[0], 0x09);
        assert_eq!(&event[9..], expected);
        let sum = masked(crc32c(event)).to_le_bytes();
        assert_eq!(bytes[bytes.len() - 4..], sum);
    }

    #[test]
    fn files_never_replace_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let first = EventWriter::create(folder.path()).unwrap();
        let second = EventWriter::create(folder.path()).unwrap();
        assert_ne!(first.path(), second.path());
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = EventWriter::create(file.join("logs")).unwrap_err().to_string();
        assert!(error.contains("cannot write"), "{error}");
    }
}
