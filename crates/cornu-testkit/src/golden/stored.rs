use cornu_tensor::Array;
use safetensors::{Dtype, SafeTensors};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A tensor as a case stores it.
#[derive(Debug, Clone)]
pub(super) enum Stored {
    F32(Array<f32>),
    F64(Array<f64>),
    I32(Array<i32>),
    I64(Array<i64>),
    U8(Array<u8>),
    Bool(Array<bool>),
}

impl Stored {
    /// Keras's name of the type.
    pub(super) fn dtype(&self) -> &'static str {
        match self {
            Self::F32(_) => "float32",
            Self::F64(_) => "float64",
            Self::I32(_) => "int32",
            Self::I64(_) => "int64",
            Self::U8(_) => "uint8",
            Self::Bool(_) => "bool",
        }
    }

    pub(super) fn to_f64(&self) -> Array<f64> {
        match self {
            Self::F32(a) => a.to_f64(),
            Self::F64(a) => a.clone(),
            Self::I32(a) => a.map(|&x| f64::from(x)),
            Self::I64(a) => a.map(|&x| x as f64),
            Self::U8(a) => a.map(|&x| f64::from(x)),
            Self::Bool(a) => a.map(|&x| f64::from(u8::from(x))),
        }
    }

    pub(super) fn to_i64(&self) -> Array<i64> {
        match self {
            Self::F32(a) => a.map(|&x| x as i64),
            Self::F64(a) => a.map(|&x| x as i64),
            Self::I32(a) => a.map(|&x| i64::from(x)),
            Self::I64(a) => a.clone(),
            Self::U8(a) => a.map(|&x| i64::from(x)),
            Self::Bool(a) => a.map(|&x| i64::from(x)),
        }
    }
}

/// All tensors of a safetensors file.
pub(super) fn read_tensors(path: &Path) -> Result<BTreeMap<String, Stored>, String> {
    let at = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let bytes = fs::read(path).map_err(|error| at(&error))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|error| at(&error))?;
    let mut tensors = BTreeMap::new();
    for (name, view) in file.iter() {
        let (dims, data) = (view.shape(), view.data());
        let stored = match view.dtype() {
            Dtype::F32 => Stored::F32(elements(dims, data, f32::from_le_bytes)?),
            Dtype::F64 => Stored::F64(elements(dims, data, f64::from_le_bytes)?),
            Dtype::I32 => Stored::I32(elements(dims, data, i32::from_le_bytes)?),
            Dtype::I64 => Stored::I64(elements(dims, data, i64::from_le_bytes)?),
            Dtype::U8 => Stored::U8(elements(dims, data, u8::from_le_bytes)?),
            Dtype::BOOL => Stored::Bool(elements(dims, data, |[byte]| byte != 0)?),
            other => return Err(at(&format!("tensor {name:?} has the type {other:?}"))),
        };
        tensors.insert(name.to_owned(), stored);
    }
    Ok(tensors)
}

fn elements<T, const SIZE: usize>(
    dims: &[usize],
    data: &[u8],
    element: impl Fn([u8; SIZE]) -> T,
) -> Result<Array<T>, String> {
    let (chunks, _) = data.as_chunks::<SIZE>();
    Array::new(dims, chunks.iter().map(|&bytes| element(bytes)).collect::<Vec<_>>())
        .map_err(|error| error.to_string())
}
