//! The callback writes files that hold the logs; what the real TensorBoard reads of them is checked by
//! `conformance/tensorboard/run`.

use std::path::Path;

use cornu_formats::tensorboard::{crc32c, masked};
use cornu_model::callbacks::{TensorBoard, UpdateFreq};
use cornu_model::{Dataset, Fit, Input, LayerExt, Model};
use cornu_nn::layers::Dense;
use cornu_nn::losses::MeanSquaredError;
use cornu_nn::optimizers::SGD;
use cornu_tensor::Tensor;

fn model() -> Model {
    let inputs = Input::new([3]);
    let outputs = Dense::new(2).apply(&inputs).unwrap();
    let mut model = Model::new(&inputs, &outputs).unwrap();
    let metrics: [cornu_model::MetricSpec; 0] = [];
    model.compile(SGD::default(), MeanSquaredError::default(), metrics).unwrap();
    model
}

fn data() -> Dataset {
    let x = Tensor::from_fn([10, 3], |i| (i % 5) as f32);
    Dataset::new(x, Tensor::full([10, 2], 1.0)).unwrap()
}

/// The records of the only file in a folder, checksums compared.
fn records(folder: &Path) -> Vec<Vec<u8>> {
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().flatten().collect();
    assert_eq!(files.len(), 1);
    assert!(files[0].file_name().to_string_lossy().starts_with("events.out.tfevents."));
    let bytes = std::fs::read(files[0].path()).unwrap();
    let (mut rest, mut records) = (&bytes[..], Vec::new());
    while !rest.is_empty() {
        let n = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
        assert_eq!(rest[8..12], masked(crc32c(&rest[..8])).to_le_bytes());
        let data = &rest[12..12 + n];
        assert_eq!(rest[12 + n..16 + n], masked(crc32c(data)).to_le_bytes());
        records.push(data.to_vec());
        rest = &rest[16 + n..];
    }
    records
}

fn count(records: &[Vec<u8>], text: &str) -> usize {
    let holds = |record: &&Vec<u8>| record.windows(text.len()).any(|part| part == text.as_bytes());
    records.iter().filter(holds).count()
}

#[test]
fn scalars_histograms_and_the_graph_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let (data, mut model) = (data(), model());
    let board = TensorBoard::new(folder.path())
        .histogram_freq(2)
        .write_images(true)
        .update_freq(UpdateFreq::Batches(2));
    let fit = Fit::epochs(3).batch_size(2).validation(&data).callback(board);
    let history = model.fit(&data, fit).unwrap();
    let train = records(&folder.path().join("train"));
    assert_eq!(count(&train, "brain.Event:2"), 1);
    assert_eq!(count(&train, "epoch_loss"), 3);
    assert_eq!(count(&train, "epoch_learning_rate"), 3);
    // Steps 2, 4, ... of 15.
    assert_eq!(count(&train, "batch_loss"), 7);
    assert_eq!(count(&train, "dense/kernel/histogram"), 2);
    assert_eq!(count(&train, "dense/bias/image"), 2);
    assert_eq!(count(&train, "graph_keras_model"), 1);
    assert_eq!(count(&train, "Total params"), 1);
    let validation = records(&folder.path().join("validation"));
    assert_eq!(count(&validation, "evaluation_loss_vs_iterations"), 3);
    let loss = history.get("val_loss").unwrap()[2] as f32;
    let last = validation.last().unwrap();
    assert!(last.windows(4).any(|part| part == loss.to_le_bytes()));
}

#[test]
fn what_cannot_be_done_is_refused_by_name_before_training() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |board: TensorBoard| {
        let fit = Fit::epochs(1).callback(board);
        model().fit(&data(), fit).unwrap_err().to_string()
    };
    let board = || TensorBoard::new(folder.path().join("logs"));
    assert!(refused(board().profile_batch(2)).contains("profile_batch"));
    assert!(refused(board().embeddings_freq(1)).contains("embeddings_freq"));
    assert!(refused(board().update_freq(UpdateFreq::Batches(0))).contains("update_freq"));
    assert!(!folder.path().join("logs").exists());
    std::fs::write(folder.path().join("logs"), "a file").unwrap();
    assert!(refused(board()).contains("cannot write the file"));
}
