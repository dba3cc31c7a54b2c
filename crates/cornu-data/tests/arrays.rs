//! `.npy` files of every type and order that is read, and damaged ones.

#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not recognize")]

use cornu_data::{DataError, read_npy, write_npy};
use cornu_tensor::Tensor;
use std::fs;
use std::path::PathBuf;

/// A file as `numpy.save` writes it (format 1.0).
fn npy(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let mut header =
        format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}");
    while !(10 + header.len() + 1).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00".as_slice(), &length, header.as_bytes(), data].concat()
}

fn read(bytes: &[u8]) -> Result<Tensor, DataError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    fs::write(&path, bytes).unwrap();
    read_npy(&path)
}

#[test]
fn all_types_and_byte_orders() {
    let three = |descr: &str, data: Vec<u8>, expected: [f32; 3]| {
        let got = read(&npy(descr, false, "(3,)", &data)).unwrap();
        assert_eq!((got.dims(), got.data()), ([3].as_slice(), expected.as_slice()), "{descr}");
    };
    three("<f4", [1.5f32, -2.0, 3.25].map(f32::to_le_bytes).concat(), [1.5, -2.0, 3.25]);
    three(">f4", [1.5f32, -2.0, 3.25].map(f32::to_be_bytes).concat(), [1.5, -2.0, 3.25]);
    three("<f8", [0.1f64, -2.0, 1e300].map(f64::to_le_bytes).concat(), [0.1, -2.0, f32::INFINITY]);
    three("|u1", vec![0, 7, 255], [0.0, 7.0, 255.0]);
    three("<u2", [0u16, 257, 65_535].map(u16::to_le_bytes).concat(), [0.0, 257.0, 65_535.0]);
    three("<i4", [-1i32, 0, 9].map(i32::to_le_bytes).concat(), [-1.0, 0.0, 9.0]);
    three(">i8", [-1i64, 0, 9].map(i64::to_be_bytes).concat(), [-1.0, 0.0, 9.0]);
    three("|b1", vec![1, 0, 1], [1.0, 0.0, 1.0]);
}

#[test]
fn fortran_order_is_turned() {
    // a[i, j, k] = 100 i + 10 j + k, first axis fastest in the file.
    let mut data = Vec::new();
    for k in 0..4u8 {
        for j in 0..3u8 {
            data.extend((0..2u8).map(|i| 100 * i + 10 * j + k));
        }
    }
    let got = read(&npy("|u1", true, "(2, 3, 4)", &data)).unwrap();
    let expected =
        Tensor::from_fn([2, 3, 4], |i| (100 * (i / 12) + 10 * (i / 4 % 3) + i % 4) as f32);
    assert_eq!(got, expected);
}

#[test]
fn scalars_and_empty_arrays() {
    assert_eq!(read(&npy("|u1", false, "()", &[9])).unwrap(), Tensor::scalar(9.0));
    assert_eq!(read(&npy("<f4", false, "(0, 3)", &[])).unwrap(), Tensor::zeros([0, 3]));
    assert_eq!(read(&npy("<f4", true, "(3, 0)", &[])).unwrap(), Tensor::zeros([3, 0]));
}

#[test]
fn what_is_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    for dims in [vec![], vec![0], vec![1], vec![2, 3, 5]] {
        let array = Tensor::from_fn(dims, |i| i as f32 * 0.1 - 1.0);
        write_npy(&path, &array).unwrap();
        assert_eq!(read_npy(&path).unwrap(), array);
        // As NumPy: header and data begin on 64 bytes.
        assert_eq!((fs::read(&path).unwrap().len() - 4 * array.len()) % 64, 0);
    }
    let missing = PathBuf::from("no/such/folder/x.npy");
    assert!(write_npy(&missing, &Tensor::scalar(0.0)).unwrap_err().to_string().contains("x.npy"));
    assert!(read_npy(&missing).unwrap_err().to_string().contains("cannot read the array"));
}

#[test]
fn damaged_files_are_errors() {
    let check = |bytes: &[u8], expected: &str| {
        let error = read(bytes).unwrap_err().to_string();
        assert!(error.contains("x.npy") && error.contains(expected), "{error}");
    };
    let good = npy("<f4", false, "(4,)", &[0; 16]);
    check(&good[..good.len() - 1], "needs 16 bytes, but there are 15");
    check(&[good.as_slice(), &[0]].concat(), "but there are more");
    check(&good[..40], "not a .npy file");
    check(b"", "not a .npy file");
    check(b"PK\x03\x04 an archive of arrays", "not a .npy file");
    check(&npy("<f4", false, "(9999999999, 9999999999, 9999999999)", &[]), "more than 4 GiB");
    check(&npy("<f4", false, "(3000000000,)", &[]), "more than 4 GiB");
    check(&npy("<c8", false, "(1,)", &[0; 8]), "astype(\"float32\")");
    check(&npy("<U1", false, "(1,)", &[0; 4]), "astype(\"float32\")");
    check(&npy("<f4", false, "(0, 18446744073709551615, 18446744073709551615)", &[]), "more than");
    check(&npy("<f4", false, "(18446744073709551616,)", &[]), "is no size of an axis");
    check(&npy("<f4", false, "(-1,)", &[]), "is no size of an axis");
    check(&npy("<f4", false, "4", &[0; 16]), "`shape` is no list");
    check(&npy("=f4", false, "(4,)", &[0; 16]), "no known byte order");
    check(b"\x93NUMPY\x09\x00", "version 9");
    let mut long = b"\x93NUMPY\x02\x00".to_vec();
    long.extend(u32::MAX.to_le_bytes());
    check(&long, "too long");
}
