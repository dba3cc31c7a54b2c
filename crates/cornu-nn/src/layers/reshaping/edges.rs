use serde_json::{Value, json};

use crate::{ConfigReader, LayerError};

/// Cells at the edges of a picture with `N` spatial axes: `2` for all edges, one number for each
/// axis, such as `(1, 2)` for top and bottom, left and right, or one for each edge, such as
/// `((1, 0), (2, 3))`. Along one axis `(1, 2)` is before and after.
pub trait IntoEdges<const N: usize> {
    /// `[before, after]` for each axis.
    fn into_edges(self) -> [[usize; 2]; N];
}

impl<const N: usize> IntoEdges<N> for usize {
    fn into_edges(self) -> [[usize; 2]; N] {
        [[self; 2]; N]
    }
}

impl<const N: usize> IntoEdges<N> for [[usize; 2]; N] {
    fn into_edges(self) -> [[usize; 2]; N] {
        self
    }
}

impl IntoEdges<1> for (usize, usize) {
    fn into_edges(self) -> [[usize; 2]; 1] {
        [[self.0, self.1]]
    }
}

impl IntoEdges<2> for (usize, usize) {
    fn into_edges(self) -> [[usize; 2]; 2] {
        [[self.0; 2], [self.1; 2]]
    }
}

impl IntoEdges<3> for (usize, usize, usize) {
    fn into_edges(self) -> [[usize; 2]; 3] {
        [[self.0; 2], [self.1; 2], [self.2; 2]]
    }
}

impl IntoEdges<2> for ((usize, usize), (usize, usize)) {
    fn into_edges(self) -> [[usize; 2]; 2] {
        [self.0.into(), self.1.into()]
    }
}

impl IntoEdges<3> for ((usize, usize), (usize, usize), (usize, usize)) {
    fn into_edges(self) -> [[usize; 2]; 3] {
        [self.0.into(), self.1.into(), self.2.into()]
    }
}

/// Reads `key` in any of the forms of [`IntoEdges`]; `default` everywhere if missing.
pub(super) fn read<const N: usize>(
    config: &mut ConfigReader,
    key: &str,
    default: usize,
) -> Result<[[usize; 2]; N], LayerError> {
    let Some(value) = config.present(key) else { return Ok(default.into_edges()) };
    let whole = |v: &Value| v.as_u64().map(|n| n as usize);
    let axis = |v: &Value| match v {
        Value::Array(pair) => match &pair[..] {
            [first, last] => Some([whole(first)?, whole(last)?]),
            _ => None,
        },
        both => whole(both).map(|n| [n; 2]),
    };
    let edges = match &value {
        Value::Array(_) if N == 1 => axis(&value).map(|edges| [edges; N]),
        Value::Array(axes) => {
            axes.iter().map(axis).collect::<Option<Vec<_>>>().and_then(|axes| axes.try_into().ok())
        }
        all => whole(all).map(usize::into_edges),
    };
    let expected = match N {
        1 => "n or [before, after]".to_owned(),
        2 => "n, [rows, columns] or [[top, bottom], [left, right]]".to_owned(),
        _ => format!("n, one number for each of {N} axes, or [before, after] for each"),
    };
    edges.ok_or_else(|| LayerError::config(key, expected, &value))
}

/// As Keras writes them: a flat pair along one axis.
pub(super) fn write<const N: usize>(edges: &[[usize; 2]; N]) -> Value {
    match &edges[..] {
        [one] => json!(one),
        all => json!(all),
    }
}
