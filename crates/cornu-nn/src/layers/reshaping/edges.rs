use serde_json::Value;

use crate::{ConfigReader, LayerError};

/// Cells at the edges of a picture: `2` for all four, `(1, 2)` for top and bottom, left and right,
/// or `((1, 0), (2, 3))` for each.
pub trait IntoEdges {
    /// `[[top, bottom], [left, right]]`.
    fn into_edges(self) -> [[usize; 2]; 2];
}

impl IntoEdges for usize {
    fn into_edges(self) -> [[usize; 2]; 2] {
        [[self; 2]; 2]
    }
}

impl IntoEdges for (usize, usize) {
    fn into_edges(self) -> [[usize; 2]; 2] {
        [[self.0; 2], [self.1; 2]]
    }
}

impl IntoEdges for ((usize, usize), (usize, usize)) {
    fn into_edges(self) -> [[usize; 2]; 2] {
        [[self.0.0, self.0.1], [self.1.0, self.1.1]]
    }
}

/// Reads `key` in any of the forms of [`IntoEdges`]; `default` everywhere if missing.
pub(super) fn read(
    config: &mut ConfigReader,
    key: &str,
    default: usize,
) -> Result<[[usize; 2]; 2], LayerError> {
    let Some(value) = config.present(key) else { return Ok(default.into_edges()) };
    let whole = |v: &Value| v.as_u64().map(|n| n as usize);
    let side = |v: &Value| match v {
        Value::Array(pair) => match &pair[..] {
            [first, last] => Some([whole(first)?, whole(last)?]),
            _ => None,
        },
        both => whole(both).map(|n| [n; 2]),
    };
    let edges = match &value {
        Value::Array(sides) => match &sides[..] {
            [rows, columns] => side(rows).zip(side(columns)).map(|(r, c)| [r, c]),
            _ => None,
        },
        all => whole(all).map(usize::into_edges),
    };
    edges.ok_or_else(|| {
        LayerError::config(key, "n, [rows, columns] or [[top, bottom], [left, right]]", &value)
    })
}
