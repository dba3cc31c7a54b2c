//! The synthetic set: deterministic, balanced, not given away by brightness, exportable.

#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not recognize")]

use cornu_data::phantom::{CLASS_NAMES, Class, SIZE, Set, draw};
use cornu_data::{Dataset, Fractions, ImageFolder, LoadOptions, SampleShape, Split};

#[test]
fn a_picture_depends_on_seed_and_index_only() {
    let all = Set::new(3, 12);
    for index in [0, 5, 11] {
        let picture = draw(3, index, SIZE);
        assert_eq!(all.picture(index).unwrap(), picture);
        let mut kept = Vec::new();
        all.fill_batch(&[index], &mut kept).unwrap();
        assert!(kept.iter().zip(&picture.pixels).all(|(&a, &b)| a == f32::from(b)));
    }
    assert_ne!(draw(3, 0, SIZE).pixels, draw(4, 0, SIZE).pixels);
    assert_ne!(draw(3, 0, SIZE).pixels, draw(3, 2, SIZE).pixels);
    all.picture(12).unwrap_err();
}

/// The pictures may not change by accident: results on them would.
#[test]
fn pictures_of_a_seed_stay_what_they_are() {
    let picture = draw(42, 0, 64);
    // FNV-1a over the pixels.
    let hash = picture.pixels.iter().fold(0xCBF2_9CE4_8422_2325u64, |hash, &pixel| {
        (hash ^ u64::from(pixel)).wrapping_mul(0x0100_0000_01B3)
    });
    assert_eq!(hash, PIXELS_OF_42);
}

const PIXELS_OF_42: u64 = 11_152_237_657_843_324_154;

#[test]
fn classes_alternate_and_only_effusion_has_fluid() {
    for index in 0..40 {
        let picture = draw(7, index, SIZE);
        assert_eq!(picture.pixels.len(), SIZE * SIZE);
        let wet = picture.fluid.iter().filter(|&&x| 127 < x).count();
        match picture.class {
            Class::Effusion => {
                assert_eq!(index % 2, 0);
                // Visible, and not more than half of the picture.
                assert!((40..SIZE * SIZE / 2).contains(&wet), "picture {index}: {wet} pixels");
                let top = picture.fluid.iter().position(|&x| 127 < x).unwrap() / SIZE;
                assert!(SIZE / 5 < top, "picture {index}: fluid in row {top}");
            }
            Class::Normal => assert!(picture.fluid.iter().all(|&x| x == 0), "picture {index}"),
        }
    }
    assert_eq!(CLASS_NAMES[Class::Effusion.index()], "effusion");
    assert_eq!(CLASS_NAMES[Class::Normal.index()], "normal");
}

#[test]
fn pictures_are_neither_dark_nor_white_nor_given_away_by_brightness() {
    let mean = |index| {
        let pixels = draw(1, index, 64).pixels;
        pixels.iter().map(|&x| f64::from(x)).sum::<f64>() / pixels.len() as f64
    };
    let means: Vec<f64> = (0..400).map(mean).collect();
    assert!(means.iter().all(|mean| (50.0..220.0).contains(mean)), "{means:?}");
    // Area under the ROC curve of brightness: pairs in which the effusion is brighter.
    let brighter = |i: usize| (0..200).filter(|j| means[2 * j + 1] < means[2 * i]).count();
    let auc = (0..200).map(brighter).sum::<usize>() as f64 / (200.0 * 200.0);
    assert!((0.4..0.65).contains(&auc), "{auc}");
}

#[test]
fn any_size_can_be_drawn() {
    for size in [0, 1, 2, 17, 300] {
        let picture = draw(1, 0, size);
        assert_eq!((picture.pixels.len(), picture.fluid.len()), (size * size, size * size));
    }
}

#[test]
fn an_exported_set_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let set = Set::new(5, 40);
    set.export_png(folder.path()).unwrap();
    let found = ImageFolder::open(folder.path()).unwrap();
    assert_eq!(found.class_names, CLASS_NAMES);
    assert_eq!(found.labels(), set.labels());
    assert_eq!(found.split(Fractions::default(), None, 0).unwrap(), set.split().unwrap());
    assert_eq!(found.samples.iter().filter(|s| s.split == Some(Split::Test)).count(), 6);

    let shape = SampleShape { height: SIZE, width: SIZE, channels: 1 };
    let all: Vec<usize> = (0..40).collect();
    let read = found.dataset(&all, shape, &LoadOptions::default()).unwrap();
    let (mut a, mut b) = (Vec::new(), Vec::new());
    read.fill_batch(&all, &mut a).unwrap();
    set.fill_batch(&all, &mut b).unwrap();
    assert!(a == b, "PNG keeps every pixel");
    Set::new(5, 4).export_png(folder.path()).unwrap_err();
}

#[test]
fn an_export_replaces_nothing_but_an_export() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    Set::new(5, 8).export_png(folder.path()).unwrap();
    // One that was stopped, and one over it.
    assert!(!Set::new(6, 10).export_png_while(folder.path(), || false).unwrap());
    Set::new(6, 8).export_png(folder.path()).unwrap();
    // A picture that no export has listed.
    std::fs::write(at("effusion/00008.png"), "mine").unwrap();
    let error = Set::new(6, 10).export_png(folder.path()).unwrap_err().to_string();
    assert!(error.contains("00008.png: this was not written"), "{error}");
    assert_eq!(std::fs::read(at("effusion/00008.png")).unwrap(), b"mine");
    std::fs::write(at("manifest.csv"), "file,class,split\nx.png,a,train\n").unwrap();
    let error = Set::new(6, 8).export_png(folder.path()).unwrap_err().to_string();
    assert!(error.contains("manifest.csv: this was not written"), "{error}");
    std::fs::remove_file(at("manifest.csv")).unwrap();
    Set::new(6, 8).export_png(folder.path()).unwrap_err();
    assert!(!at("manifest.csv").exists());
    assert!(Set::draw_while(1, 6, || false).is_none());
}
