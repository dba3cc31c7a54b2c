//! JPEG files of all kinds, whole and damaged. Those in `tests/jpeg` are 61 x 45 pixels of noise
//! that libjpeg wrote.

#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not recognize")]

use cornu_data::{DataError, PictureProblem, decode_bytes, decode_file};
use std::path::{Path, PathBuf};

/// Name, bytes, and where the first scan begins.
fn files() -> Vec<(String, Vec<u8>, usize)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/jpeg");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert_eq!(paths.len(), 9);
    let read = |path: PathBuf| {
        let bytes = std::fs::read(&path).unwrap();
        let scan = bytes.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap();
        (path.file_name().unwrap().to_string_lossy().into_owned(), bytes, scan)
    };
    paths.into_iter().map(read).collect()
}

fn with_end(bytes: &[u8]) -> Vec<u8> {
    [bytes, &[0xFF, 0xD9]].concat()
}

#[test]
fn grey_colour_cmyk_progressive_and_restarts_are_decoded() {
    for (name, bytes, _) in files() {
        let picture = decode_bytes(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let channels = if name.starts_with("grey") { 1 } else { 3 };
        assert_eq!((picture.height, picture.width, picture.channels), (45, 61, channels), "{name}");
    }
}

/// Wherever the scan is cut: decoders fill the rest with grey.
#[test]
fn a_cut_scan_with_an_end_marker_is_an_error() {
    for (name, bytes, scan) in files() {
        let whole = bytes.len() - 2;
        // A progressive file may end after each of its scans; the first byte of the marker that
        // follows is harmless.
        let begins_marker = |at: usize| bytes[at] == 0xFF && bytes[at + 1] != 0;
        let is_between_scans = |at: usize| {
            name.contains("progressive") && (begins_marker(at) || begins_marker(at - 1))
        };
        for at in (scan + 2..whole).filter(|&at| !is_between_scans(at)) {
            let cut = decode_bytes(&with_end(&bytes[..at]));
            assert!(cut.is_err(), "{name}: {at} of {whole} bytes are enough");
        }
    }
}

#[test]
fn bytes_left_over_after_a_scan_are_an_error() {
    for (name, bytes, _) in files() {
        let whole = &bytes[..bytes.len() - 2];
        let padded = |n: usize| decode_bytes(&with_end(&[whole, &vec![0x55; n]].concat()));
        assert!(padded(2).is_ok(), "{name}");
        let problem = padded(100).expect_err(&name);
        assert!(matches!(problem, PictureProblem::Corrupt(_)), "{name}: {problem}");
    }
}

/// Not every changed byte can be found, but a changed stretch is.
#[test]
fn a_stretch_of_other_bytes_in_a_scan_is_an_error() {
    for (name, bytes, scan) in files() {
        let mut changed = bytes.clone();
        let middle = (scan + bytes.len()) / 2;
        for (i, byte) in changed[middle..middle + 200].iter_mut().enumerate() {
            *byte ^= (37 * i) as u8;
        }
        decode_bytes(&changed).expect_err(&name);
    }
}

#[test]
fn a_restart_that_is_missing_is_an_error() {
    for (name, bytes, scan) in files().into_iter().filter(|(name, ..)| name.contains("restarts")) {
        let marker = |wanted: u8| {
            let found = bytes[scan..].windows(2).position(|pair| pair == [0xFF, wanted]);
            scan + found.unwrap()
        };
        let (from, to) = (marker(0xD1), marker(0xD2));
        let without = [&bytes[..from], &bytes[to..]].concat();
        decode_bytes(&without).expect_err(&name);
    }
}

/// Uses the chest X-rays that `CORNU_XRAYS` names, by default those beside the checkout.
#[test]
fn real_x_rays_are_decoded_and_cut_ones_are_errors() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/chest_xrays");
    let folder = std::env::var_os("CORNU_XRAYS").map_or(beside, PathBuf::from);
    if !folder.is_dir() {
        eprintln!("skipped: there are no X-rays in {}", folder.display());
        return;
    }
    let cut_file = tempfile::NamedTempFile::with_suffix(".jpg").unwrap();
    for path in cornu_data::pictures_below(&folder).unwrap() {
        decode_file(&path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for percent in [30, 50, 90] {
            let cut = with_end(&bytes[..bytes.len() * percent / 100]);
            std::fs::write(cut_file.path(), cut).unwrap();
            let error = decode_file(cut_file.path()).expect_err(&path.display().to_string());
            assert!(error.to_string().contains(cut_file.path().to_str().unwrap()), "{error}");
            assert!(matches!(error, DataError::Picture { .. }), "{error}");
        }
    }
}

#[test]
fn a_file_that_lacks_nothing_but_its_end_marker_is_whole() {
    for (name, bytes, _) in files() {
        let without = decode_bytes(&bytes[..bytes.len() - 2]);
        if name.contains("progressive") {
            // Another scan might have followed.
            without.expect_err(&name);
        } else {
            assert!(without.unwrap() == decode_bytes(&bytes).unwrap(), "{name}");
        }
    }
}
