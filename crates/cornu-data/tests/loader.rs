//! Data sets from files: kept or streamed, ahead or not, always the same samples.

#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not recognize")]

use cornu_data::{Batch, DataError, Dataset, Fractions, ImageDataset, ImageFolder, LoadOptions};
use cornu_data::{Prefetch, Resize, SampleShape};
use image::GrayImage;
use std::fs;
use std::path::Path;
use std::sync::Arc;

const SHAPE: SampleShape = SampleShape { height: 6, width: 5, channels: 1 };

/// 40 pictures of two classes; those of class `b` have twice the size.
fn pictures(root: &Path) {
    for i in 0..40u32 {
        let (class, times) = if i % 2 == 0 { ("a", 1) } else { ("b", 2) };
        let folder = root.join(class);
        fs::create_dir_all(&folder).unwrap();
        GrayImage::from_fn(5 * times, 6 * times, |x, y| image::Luma([(i * 6 + x + 2 * y) as u8]))
            .save(folder.join(format!("{i:02}.png")))
            .unwrap();
    }
}

fn open(root: &Path, memory_budget: usize) -> ImageDataset {
    let folder = ImageFolder::open(root).unwrap();
    let all: Vec<usize> = (0..folder.samples.len()).collect();
    folder.dataset(&all, SHAPE, &LoadOptions { memory_budget, ..LoadOptions::default() }).unwrap()
}

#[test]
fn samples_do_not_depend_on_the_budget() {
    let root = tempfile::tempdir().unwrap();
    pictures(root.path());
    let order: Vec<usize> = (0..40).rev().chain([7, 7]).collect();
    let mut want = Vec::new();
    let all = open(root.path(), usize::MAX);
    all.fill_batch(&order, &mut want).unwrap();
    assert_eq!(want.len(), 42 * 30);
    assert!(want.iter().all(|x| x.is_finite()));
    // 20 pictures of a byte a pixel, 20 resized of four.
    assert_eq!((all.n_kept(), all.kept_bytes()), (40, 20 * 30 + 20 * 120));

    for (budget, kept) in [(0, 0), (29, 0), (30, 1), (95, 3), (600, 20), (719, 20), (720, 21)] {
        let some = open(root.path(), budget);
        assert_eq!(some.n_kept(), kept, "budget {budget}");
        assert!(some.kept_bytes() <= budget);
        some.verify().unwrap();
        let mut got = Vec::new();
        some.fill_batch(&order, &mut got).unwrap();
        assert_eq!(got, want, "budget {budget}");
    }
}

#[test]
fn labels_follow_the_folder() {
    let root = tempfile::tempdir().unwrap();
    pictures(root.path());
    let data = open(root.path(), 0);
    assert_eq!((data.len(), data.sample_shape()), (40, vec![6, 5, 1]));
    assert_eq!(data.labels().iter().sum::<usize>(), 20);
    assert!(data.paths()[39].ends_with("b/39.png"));
    let folder = ImageFolder::open(root.path()).unwrap();
    let split = folder.split(Fractions::default(), None, 0).unwrap();
    let val = folder.dataset(&split.val, SHAPE, &LoadOptions::default()).unwrap();
    assert_eq!(val.len(), split.val.len());
    assert_eq!(val.paths()[0], folder.samples[split.val[0]].path);
    assert!(matches!(
        folder.dataset(&[40], SHAPE, &LoadOptions::default()),
        Err(DataError::Index { index: 40, len: 40 })
    ));
}

#[test]
fn batches_come_in_the_order_asked_for() {
    let root = tempfile::tempdir().unwrap();
    pictures(root.path());
    let data = Arc::new(open(root.path(), 300));
    let order: Vec<usize> = (0..40).map(|i| i * 7 % 40).collect();
    let mut prefetch = Prefetch::start(data.clone()).unwrap();
    for (batch_size, ahead) in [(1, 1), (7, 2), (16, 3), (40, 1), (100, 1)] {
        let mut memory = vec![vec![f32::NAN; 3]; ahead];
        let batches: Vec<&[usize]> = order.chunks(batch_size).collect();
        for at in 0..batches.len() + ahead {
            if let Some(indices) = at.checked_sub(ahead).map(|at| batches[at]) {
                let mut samples = Vec::new();
                data.fill_batch(indices, &mut samples).unwrap();
                let batch = prefetch.take().unwrap().unwrap();
                assert_eq!(batch, Batch { indices: indices.to_vec(), samples });
                memory.push(batch.samples);
            }
            if let Some(indices) = batches.get(at) {
                prefetch.ask(indices.to_vec(), memory.pop().unwrap());
            }
        }
        assert!(prefetch.take().is_none());
    }
}

#[test]
fn a_prefetch_may_be_dropped_early_or_have_nothing_to_do() {
    let root = tempfile::tempdir().unwrap();
    pictures(root.path());
    let data: Arc<dyn Dataset> = Arc::new(open(root.path(), 0));
    let mut prefetch = Prefetch::start(data.clone()).unwrap();
    for i in 1..=6 {
        prefetch.ask(vec![i], Vec::new());
    }
    prefetch.take().unwrap().unwrap();
    drop(prefetch);
    assert_eq!(Arc::strong_count(&data), 1, "the thread has ended");
    assert!(Prefetch::start(data).unwrap().take().is_none());
}

#[test]
fn a_panic_while_reading_ahead_is_an_error() {
    #[derive(Debug)]
    struct Broken;
    impl Dataset for Broken {
        fn len(&self) -> usize {
            1
        }
        fn sample_shape(&self) -> Vec<usize> {
            vec![1]
        }
        fn labels(&self) -> &[usize] {
            &[0]
        }
        fn fill(&self, _: &[usize], _: &mut [f32]) -> Result<(), DataError> {
            panic!("broken on purpose")
        }
    }
    let mut prefetch = Prefetch::start(Arc::new(Broken)).unwrap();
    prefetch.ask(vec![0], Vec::new());
    prefetch.ask(vec![0], Vec::new());
    assert!(matches!(prefetch.take(), Some(Err(DataError::PrefetchStopped))));
    assert!(matches!(prefetch.take(), Some(Err(DataError::PrefetchStopped))));
    assert!(prefetch.take().is_none());
}

#[test]
fn a_bad_picture_is_named() {
    let root = tempfile::tempdir().unwrap();
    pictures(root.path());
    let bytes = fs::read(root.path().join("b/11.png")).unwrap();
    fs::write(root.path().join("b/11.png"), &bytes[..bytes.len() / 2]).unwrap();
    fs::write(root.path().join("b/35.png"), "").unwrap();

    let data = open(root.path(), 0);
    let error = data.verify().unwrap_err().to_string();
    assert!(error.contains("11.png") && error.contains("truncated"), "{error}");
    // Sample 25 is b/11.png, 37 is b/35.png: the first of the order is told.
    let error = data.fill_batch(&[37, 0, 25], &mut Vec::new()).unwrap_err().to_string();
    assert!(error.contains("35.png"), "{error}");
    let all: Vec<usize> = (0..40).collect();
    let mut prefetch = Prefetch::start(Arc::new(data)).unwrap();
    for indices in all.chunks(10) {
        prefetch.ask(indices.to_vec(), Vec::new());
    }
    let batches: Vec<_> = std::iter::from_fn(|| prefetch.take()).collect();
    assert!(batches[0].is_ok() && batches[1].is_ok());
    assert!(batches[2].as_ref().unwrap_err().to_string().contains("11.png"));

    let folder = ImageFolder::open(root.path()).unwrap();
    let error = folder.dataset(&all, SHAPE, &LoadOptions::default()).unwrap_err().to_string();
    assert!(error.contains("11.png"), "{error}");
}

#[test]
fn shapes_that_cannot_be_are_errors() {
    let open = |shape| ImageDataset::open(vec![], vec![], shape, &LoadOptions::default());
    assert!(matches!(open(SampleShape { height: 0, ..SHAPE }), Err(DataError::Size { .. })));
    assert!(matches!(open(SampleShape { width: 1 << 20, ..SHAPE }), Err(DataError::Size { .. })));
    assert!(matches!(
        open(SampleShape { channels: 2, ..SHAPE }),
        Err(DataError::Channels { got: 2 })
    ));
    assert!(open(SHAPE).unwrap().is_empty());
    ImageDataset::open(vec!["x.png".into()], vec![], SHAPE, &LoadOptions::default()).unwrap_err();
    assert_eq!(Resize::default(), LoadOptions::default().resize);
}
