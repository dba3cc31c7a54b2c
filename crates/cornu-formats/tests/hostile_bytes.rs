//! Damaged files are answered with an error or with other numbers, never with a panic.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may panic and say that it was skipped, its helpers too"
)]

use cornu_formats::h5::{MAX_DEPTH, MAX_OBJECTS};
use cornu_formats::keras_archive::{Problem, keras_bytes};
use cornu_formats::{
    ArchiveError, Attribute, Data, Dataset, Group, H5Error, KerasArchive, read_h5,
    read_keras_bytes, write_h5,
};
use cornu_testkit::{Cases, Random};
use serde_json::json;
use std::fs;

fn small_archive() -> KerasArchive {
    let mut weights = Group::default();
    weights.set_dataset("layers/dense/vars/0", Dataset::new([3, 2], Data::F32(vec![0.5; 6])));
    weights.set_dataset("layers/dense/vars/1", Dataset::new([2], Data::F32(vec![0.0; 2])));
    weights.group_mut("layers/dense/vars").set_text("name", "dense");
    weights.set_dataset("optimizer/vars/0", Dataset::new([], Data::I64(vec![7])));
    let mut archive = KerasArchive::new(json!({"class_name": "Sequential"}), weights);
    archive.assets.insert("words/list.txt".to_owned(), b"one\ntwo\n".to_vec());
    archive
}

#[test]
fn every_truncation_of_an_archive_is_an_error() {
    let bytes = keras_bytes(&small_archive()).unwrap();
    assert_eq!(read_keras_bytes("a.keras", &bytes).unwrap(), small_archive());
    for end in 0..bytes.len() {
        let error = read_keras_bytes("a.keras", &bytes[..end]).unwrap_err();
        assert!(error.to_string().starts_with("cannot read a.keras: "), "{end}: {error}");
    }
}

#[test]
fn truncated_weights_never_panic() {
    let bytes = write_h5(&small_archive().weights).unwrap();
    for end in 0..bytes.len() {
        assert!(read_h5(&bytes[..end]).is_err(), "{end}");
    }
}

#[test]
fn flipped_bytes_in_weights_never_panic() {
    let ours = write_h5(&small_archive().weights).unwrap();
    flip_bytes(&ours, 3_000, 1);
    // Written by h5py: the older group format, with B-trees and heaps.
    for (name, bytes) in files_of_keras() {
        flip_bytes(&bytes, 3_000, 2);
        for end in (0..bytes.len()).step_by(37) {
            assert!(read_h5(&bytes[..end]).is_err(), "{name}: {end}");
        }
    }
}

/// Reads copies of which a few bytes are changed, most often where the structure is.
fn flip_bytes(sound: &[u8], rounds: usize, seed: u64) {
    let mut random = Random::new(seed);
    for round in 0..rounds {
        let mut bytes = sound.to_vec();
        for _ in 0..=random.below(3) {
            let at = match round % 3 {
                0 => random.below(bytes.len()),
                _ => random.below(bytes.len().min(2048)),
            };
            bytes[at] = match random.below(3) {
                0 => 0xff,
                1 => bytes[at] ^ (1 << random.below(8)),
                _ => random.below(256) as u8,
            };
        }
        let _ = read_h5(bytes);
    }
}

#[test]
fn every_flipped_byte_of_an_archive_is_harmless() {
    let sound = keras_bytes(&small_archive()).unwrap();
    for at in 0..sound.len() {
        for change in [0xff, 0x01, 0x80] {
            let mut bytes = sound.clone();
            bytes[at] ^= change;
            // The checksums of the zip notice any change of a member.
            if let Ok(archive) = read_keras_bytes("a.keras", &bytes) {
                assert_eq!(archive.weights, small_archive().weights, "{at}");
            }
        }
    }
}

#[test]
fn what_is_no_archive_is_named() {
    let message = |bytes: &[u8]| read_keras_bytes("a.keras", bytes).unwrap_err().to_string();
    assert!(message(b"").contains("the file is empty"));
    assert!(message(b"hello, this is text").contains("not a complete .keras (zip) archive"));
    let h5 = write_h5(&Group::default()).unwrap();
    assert!(message(&h5).contains("this is an HDF5 file, not a .keras archive"));
    assert!(matches!(read_h5(b"text".as_slice()), Err(H5Error::NotHdf5 { len: 4 })));
}

#[test]
fn a_dataset_larger_than_its_file_is_refused_before_it_is_read() {
    let mut tree = Group::default();
    tree.set_dataset("0", Dataset::new([7, 5], Data::F32(vec![0.0; 35])));
    let mut bytes = write_h5(&tree).unwrap();
    let dims: Vec<u8> = [7u64, 5].iter().flat_map(|dim| dim.to_le_bytes()).collect();
    let at = bytes.windows(16).position(|window| window == dims).unwrap();
    bytes[at..at + 8].copy_from_slice(&(1u64 << 40).to_le_bytes());
    // The checksum notices, or else the limit: either way nothing of that size is allocated.
    assert!(read_h5(bytes).is_err());
    for (name, mut bytes) in files_of_keras() {
        let tree = read_h5(bytes.clone()).unwrap();
        let datasets = tree.all_datasets();
        let dims = |dims: &[usize]| -> Vec<u8> {
            dims.iter().flat_map(|&dim| (dim as u64).to_le_bytes()).collect()
        };
        let Some((_, matrix)) = datasets.iter().find(|(_, data)| data.dims.len() == 2) else {
            continue;
        };
        let dims = dims(&matrix.dims);
        let at = bytes.windows(16).position(|window| window == dims).unwrap();
        bytes[at..at + 8].copy_from_slice(&(1u64 << 40).to_le_bytes());
        let error = read_h5(bytes).unwrap_err();
        assert!(matches!(error, H5Error::TooLarge { .. }), "{name}: {error}");
    }
}

/// Two small HDF5 files among the golden cases, weights and a whole model, if there are any.
fn files_of_keras() -> Vec<(String, Vec<u8>)> {
    let Some(cases) = Cases::find().or_else(Cases::committed) else {
        eprintln!("skipped: no golden cases");
        return Vec::new();
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(cases.folder().join("files")).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.ends_with(".h5") {
            files.push((name, fs::read(path).unwrap()));
        }
    }
    files.sort_by_key(|(name, bytes)| (bytes.len(), name.clone()));
    let is_weights = |(name, _): &&(String, Vec<u8>)| name.ends_with(".weights.h5");
    let smallest = [files.iter().find(is_weights), files.iter().find(|file| !is_weights(file))];
    smallest.into_iter().flatten().cloned().collect()
}

#[test]
fn names_of_assets_may_not_leave_their_folder() {
    for name in ["../evil", "/evil", "a//b", "a\\b", "c:evil", ".", ""] {
        let mut archive = small_archive();
        archive.assets.insert(name.to_owned(), Vec::new());
        let error = keras_bytes(&archive).unwrap_err();
        let is_named = matches!(&error, ArchiveError::Make { problem: Problem::AssetName { name: n } } if n == name);
        assert!(is_named, "{error}");
    }
}

#[test]
fn groups_nested_too_deeply_are_refused() {
    let nested = |levels: usize| {
        let mut tree = Group::default();
        tree.group_mut(&"g/".repeat(levels));
        read_h5(write_h5(&tree).unwrap()).map(|_| ())
    };
    assert_eq!(nested(MAX_DEPTH), Ok(()));
    assert!(matches!(nested(MAX_DEPTH + 1), Err(H5Error::TooDeep { .. })));
}

/// Changes every occurrence of `old` to `new`; answers how many there were.
fn replace(bytes: &mut [u8], old: &[u8], new: &[u8]) -> usize {
    let mut n = 0;
    for at in 0..=bytes.len() - old.len() {
        if bytes[at..].starts_with(old) {
            bytes[at..at + new.len()].copy_from_slice(new);
            n += 1;
        }
    }
    n
}

#[test]
fn many_references_to_one_long_text_are_refused_before_it_is_copied() {
    let mut tree = Group::default();
    tree.set_text("long", "x".repeat(1_000_000));
    let names: Vec<String> = (0..3_000).map(|i| format!("name {i:05}")).collect();
    tree.attributes.insert("names".to_owned(), Attribute::Texts(names));
    let sound = write_h5(&tree).unwrap();
    assert_eq!(read_h5(sound.clone()).unwrap(), tree);
    let mut bytes = sound;
    // A reference: length, address of the heap, number. That of the long text goes everywhere.
    let long = 1_000_000u32.to_le_bytes();
    let at = bytes.windows(4).position(|window| window == long).unwrap();
    let reference: Vec<u8> = bytes[at..at + 16].to_vec();
    let short = 10u32.to_le_bytes();
    let mut n = 0;
    for at in 0..bytes.len() - 16 {
        let address = u64::from_le_bytes(bytes[at + 4..at + 12].try_into().unwrap()) as usize;
        if bytes[at..].starts_with(&short)
            && bytes.get(address..).is_some_and(|heap| heap.starts_with(b"GCOL"))
        {
            bytes[at..at + 16].copy_from_slice(&reference);
            n += 1;
        }
    }
    assert_eq!(n, 3_000);
    let error = read_h5(bytes).unwrap_err();
    assert!(matches!(error, H5Error::TooMuchText { .. }), "{error}");
}

#[test]
fn groups_that_are_their_own_groups_end_somewhere() {
    // Twins at every level, which a change of one address makes the same group.
    let mut tree = Group::default();
    let mut path = String::new();
    for level in 0..40 {
        tree.group_mut(&format!("{path}left{level:02}")).set_text("name", "n".repeat(1_000));
        tree.group_mut(&format!("{path}right{level:02}"));
        path = format!("{path}left{level:02}/");
    }
    let sound = write_h5(&tree).unwrap();
    read_h5(sound.clone()).unwrap();
    // Every pair of addresses of groups, one for the other: circles and twins among them. What is
    // read of it does not matter, only that it ends.
    let addresses = object_headers(&sound);
    assert!(40 < addresses.len());
    for (i, from) in addresses.iter().enumerate() {
        let to = addresses[(i * 7 + 3) % addresses.len()];
        let mut bytes = sound.clone();
        replace(&mut bytes, &from.to_le_bytes(), &to.to_le_bytes());
        let _ = read_h5(bytes);
    }
}

/// Addresses of what begins with the signature of an object header.
fn object_headers(bytes: &[u8]) -> Vec<u64> {
    (0..bytes.len()).filter(|&at| bytes[at..].starts_with(b"OHDR")).map(|at| at as u64).collect()
}

#[test]
fn circles_in_files_of_h5py_end_too() {
    let Some(cases) = Cases::find() else {
        eprintln!("skipped: no golden cases");
        return;
    };
    for name in ["mlp.weights.h5", "mlp-adam.h5", "nested.h5"] {
        let sound = fs::read(cases.file(name)).unwrap();
        let starts = |signature: &[u8]| -> Vec<u64> {
            let found = (0..sound.len()).filter(|&at| sound[at..].starts_with(signature));
            found.map(|at| at as u64).collect()
        };
        // Trees of groups and the nodes that list their members, in each other's place.
        let places = [starts(b"TREE"), starts(b"SNOD"), starts(b"HEAP"), vec![0, 96]].concat();
        for (i, from) in places.iter().enumerate() {
            for step in [1, 2, 5] {
                let to = places[(i + step) % places.len()];
                let mut bytes = sound.clone();
                if *from != 0 {
                    replace(&mut bytes, &from.to_le_bytes(), &to.to_le_bytes());
                }
                let _ = read_h5(bytes);
            }
        }
    }
}

#[test]
fn more_groups_than_any_model_has_are_refused() {
    let mut tree = Group::default();
    let member = |i: usize| (format!("g{i}"), Group::default());
    tree.groups = (0..MAX_OBJECTS).map(member).collect();
    let error = read_h5(write_h5(&tree).unwrap()).unwrap_err();
    assert!(matches!(error, H5Error::TooManyObjects { .. }), "{error}");
}

#[test]
fn deeply_nested_json_is_an_error() {
    let mut archive = small_archive();
    archive.config = json!("MARK");
    let bytes = keras_bytes(&archive).unwrap();
    assert!(read_keras_bytes("a.keras", &bytes).is_ok());
    for nested in ["[".repeat(1_000_000), "{\"a\":".repeat(1_000_000)] {
        let members = [("config.json", nested.as_bytes()), ("model.weights.h5", b"none")];
        let error = read_keras_bytes("a.keras", &zip_of(&members)).unwrap_err().to_string();
        assert!(error.contains("config.json is not valid JSON: recursion limit"), "{error}");
    }
}

#[test]
fn a_compressed_member_that_unpacks_to_gigabytes_is_refused() {
    use std::io::Write;
    // 3 GiB of zeros would be 3 MiB of zip; its size as it says is enough to refuse it, and a lie
    // about that ends at what was said.
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated);
    zip.start_file("config.json", options).unwrap();
    let zeros = vec![b' '; 1 << 20];
    for _ in 0..65 {
        zip.write_all(&zeros).unwrap();
    }
    let bytes = zip.finish().unwrap().into_inner();
    assert!(bytes.len() < 1 << 20);
    let error = read_keras_bytes("a.keras", &bytes).unwrap_err().to_string();
    assert!(error.contains("config.json is larger than 16777216 bytes"), "{error}");
}

/// A zip with these members, stored.
fn zip_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    use std::io::Write;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in members {
        zip.start_file(*name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}
