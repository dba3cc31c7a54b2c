//! Archives as files, folders and zips that others made.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use cornu_formats::MAX_UNPACKED;
use cornu_formats::keras_archive::{MAX_JSON, keras_bytes};
use cornu_formats::{
    Data, Dataset, Group, KerasArchive, read_keras, read_keras_bytes, write_h5, write_keras,
};
use serde_json::{Value, json};
use std::fs;
use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

fn archive() -> KerasArchive {
    let mut weights = Group::default();
    weights.set_dataset("layers/dense/vars/0", Dataset::new([1, 2], Data::F32(vec![0.25, -1.0])));
    let mut archive =
        KerasArchive::new(json!({"b": 1, "a": [0.1, "ü"], "rate": 0.0010000000474974513}), weights);
    archive.assets.insert("a/words.txt".to_owned(), b"one\n".to_vec());
    archive.assets.insert("empty".to_owned(), Vec::new());
    archive
}

/// A zip of the given members, deflated.
fn zip_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, bytes) in members {
        zip.start_file(*name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn error_of(bytes: &[u8]) -> String {
    read_keras_bytes("m.keras", bytes).unwrap_err().to_string()
}

#[test]
fn a_file_comes_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.keras");
    write_keras(&path, &archive()).unwrap();
    let read = read_keras(&path).unwrap();
    assert_eq!(read, archive());
    assert_eq!(read.config.to_string(), archive().config.to_string(), "keys keep their order");
}

#[test]
fn members_are_stored_in_keras_order_without_dates() {
    let bytes = keras_bytes(&archive()).unwrap();
    assert_eq!(bytes, keras_bytes(&archive()).unwrap());
    let mut zip = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut names = Vec::new();
    for i in 0..zip.len() {
        let member = zip.by_index(i).unwrap();
        assert_eq!(member.compression(), CompressionMethod::Stored);
        assert_eq!(member.last_modified(), Some(DateTime::default()));
        names.push(member.name().unwrap().into_owned());
    }
    let expected =
        ["metadata.json", "config.json", "model.weights.h5", "assets/a/words.txt", "assets/empty"];
    assert_eq!(names, expected);
}

#[test]
fn compressed_archives_and_missing_metadata_are_read() {
    let h5 = write_h5(&archive().weights).unwrap();
    let read = read_keras_bytes(
        "m.keras",
        &zip_of(&[("model.weights.h5", &h5), ("assets/", b""), ("config.json", b"{\"a\": 1}")]),
    );
    let read = read.unwrap();
    assert_eq!((read.metadata, read.config), (Value::Null, json!({"a": 1})));
    assert_eq!(read.weights, archive().weights);
    assert!(read.assets.is_empty());
}

#[test]
fn a_folder_is_read_like_a_zip() {
    let folder = tempfile::tempdir().unwrap();
    let error = read_keras(folder.path()).unwrap_err().to_string();
    assert!(error.contains("this is a folder without config.json"), "{error}");
    let archive = archive();
    let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    put("metadata.json", archive.metadata.to_string().as_bytes());
    put("config.json", archive.config.to_string().as_bytes());
    put("model.weights.h5", &write_h5(&archive.weights).unwrap());
    fs::create_dir_all(folder.path().join("assets/a")).unwrap();
    put("assets/a/words.txt", b"one\n");
    put("assets/empty", b"");
    assert_eq!(read_keras(folder.path()).unwrap(), archive);
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let h5 = write_h5(&Group::default()).unwrap();
    let config = ("config.json", b"{}".as_slice());
    let weights = ("model.weights.h5", h5.as_slice());
    let contains = |bytes: &[u8], text: &str| {
        let error = error_of(bytes);
        assert!(error.starts_with("cannot read m.keras: ") && error.contains(text), "{error}");
    };
    contains(&zip_of(&[weights]), "no config.json (it has model.weights.h5)");
    contains(&zip_of(&[config]), "no model.weights.h5 (it has config.json)");
    contains(&zip_of(&[]), "no config.json (it has nothing)");
    contains(
        &zip_of(&[config, ("model.weights.npz", b"")]),
        "weights in model.weights.npz are not",
    );
    contains(&zip_of(&[("config.json", b"{"), weights]), "config.json is not valid JSON: EOF");
    contains(
        &zip_of(&[config, ("model.weights.h5", b"abc")]),
        "model.weights.h5: this is not an HDF5",
    );
    let folder = tempfile::tempdir().unwrap();
    let missing = read_keras(&folder.path().join("none.keras")).unwrap_err().to_string();
    assert!(missing.contains("none.keras") && missing.contains("check the path"), "{missing}");
}

#[test]
fn a_changed_member_fails_its_checksum() {
    let sound = keras_bytes(&archive()).unwrap();
    let mut bytes = sound.clone();
    let at = bytes.windows(3).position(|window| window == b"\"b\"").unwrap();
    bytes[at + 1] = b'c';
    assert!(error_of(&bytes).contains("config.json is damaged"), "{}", error_of(&bytes));
}

#[test]
fn members_that_unpack_to_too_much_are_refused() {
    let large = vec![b' '; MAX_JSON as usize + 1];
    let bomb = zip_of(&[("config.json", &large)]);
    assert!(bomb.len() < 1 << 20);
    assert!(error_of(&bomb).contains(&format!("config.json is larger than {MAX_JSON} bytes")));

    // Sizes in the list of members that are lies: too large, then too small.
    let h5 = write_h5(&Group::default()).unwrap();
    let sound = zip_of(&[("config.json", b"{}"), ("model.weights.h5", &h5)]);
    let size = (h5.len() as u32).to_le_bytes();
    let list = sound.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    let at = list + sound[list..].windows(4).position(|window| window == size).unwrap();
    for (lie, text) in [
        (MAX_UNPACKED as u32 + 1, "model.weights.h5 is larger than"),
        (h5.len() as u32 - 1, "model.weights.h5 is damaged"),
        (h5.len() as u32 + 1, "model.weights.h5 is damaged"),
    ] {
        let mut bytes = sound.clone();
        bytes[at..at + 4].copy_from_slice(&lie.to_le_bytes());
        assert!(error_of(&bytes).contains(text), "{lie}: {}", error_of(&bytes));
    }
}

#[test]
fn members_that_only_together_unpack_to_too_much_are_refused() {
    let h5 = write_h5(&Group::default()).unwrap();
    let half = vec![0; MAX_UNPACKED as usize / 2 + 1];
    let one = [("config.json", &b"{}"[..]), ("model.weights.h5", &h5), ("assets/a", &half)];
    assert_eq!(read_keras_bytes("m.keras", &zip_of(&one)).unwrap().assets["a"].len(), half.len());
    let bomb = zip_of(&[one[0], one[1], one[2], ("assets/b", &half)]);
    assert!(bomb.len() < 1 << 20);
    let error = error_of(&bomb);
    assert!(error.contains("assets/") && error.contains("is larger than"), "{error}");
}
