use cornu_tensor::Array;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// A group: what a folder is in a file system.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Group {
    /// Attributes by name. Keras notes the layer's name in the attribute `name`.
    pub attributes: BTreeMap<String, Attribute>,
    /// Groups within. [`read_h5`](super::read_h5) sorts by name, numbers by value (`dense_2`
    /// before `dense_10`); [`write_h5`](super::write_h5) keeps the order given.
    pub groups: Vec<(String, Group)>,
    /// Datasets within, in an order as for groups.
    pub datasets: Vec<(String, Dataset)>,
}

/// A small value attached to a group or dataset. Numbers of any width become 64 bits wide.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// A string.
    Text(String),
    /// A list of strings.
    Texts(Vec<String>),
    /// A whole number.
    Int(i64),
    /// A list of whole numbers.
    Ints(Vec<i64>),
    /// A floating-point number.
    Float(f64),
    /// A list of floating-point numbers.
    Floats(Vec<f64>),
}

/// An array in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Size of each axis; none for a scalar.
    pub dims: Vec<usize>,
    /// Elements in row-major order.
    pub data: Data,
    /// Attributes by name.
    pub attributes: BTreeMap<String, Attribute>,
}

/// The elements of a [`Dataset`].
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// `float32`: weights.
    F32(Vec<f32>),
    /// `float64`.
    F64(Vec<f64>),
    /// `int8`: quantized weights.
    I8(Vec<i8>),
    /// `int16`.
    I16(Vec<i16>),
    /// `int32`: an optimizer's `iteration`, written by Keras on JAX or torch.
    I32(Vec<i32>),
    /// `int64`: an optimizer's `iteration`, written by Keras on TensorFlow.
    I64(Vec<i64>),
    /// `uint8`.
    U8(Vec<u8>),
    /// `uint16`.
    U16(Vec<u16>),
    /// `uint32`: states of random generators.
    U32(Vec<u32>),
    /// `uint64`.
    U64(Vec<u64>),
    /// `bool`, as h5py stores it (an enumeration of `FALSE` and `TRUE`).
    Bool(Vec<bool>),
}

impl Group {
    /// The group at a path such as `layers/dense/vars`; this group for an empty path.
    pub fn group(&self, path: &str) -> Option<&Group> {
        path_parts(path).try_fold(self, |group, name| find(&group.groups, name))
    }

    /// The dataset at a path such as `layers/dense/vars/0`.
    pub fn dataset(&self, path: &str) -> Option<&Dataset> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        find(&self.group(folder)?.datasets, name)
    }

    /// The group at a path, made with all groups above it where it is missing.
    pub fn group_mut(&mut self, path: &str) -> &mut Group {
        path_parts(path).fold(self, |group, name| {
            let at = group.groups.iter().position(|(n, _)| n == name).unwrap_or_else(|| {
                group.groups.push((name.to_owned(), Group::default()));
                group.groups.len() - 1
            });
            &mut group.groups[at].1
        })
    }

    /// Puts a dataset at a path, in place of one that is there; groups above are made.
    pub fn set_dataset(&mut self, path: &str, dataset: impl Into<Dataset>) {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let datasets = &mut self.group_mut(folder).datasets;
        match datasets.iter_mut().find(|(n, _)| n == name) {
            Some((_, existing)) => *existing = dataset.into(),
            None => datasets.push((name.to_owned(), dataset.into())),
        }
    }

    /// A text attribute, such as `name`.
    pub fn text(&self, attribute: &str) -> Option<&str> {
        self.attributes.get(attribute).and_then(Attribute::as_text)
    }

    /// Sets a text attribute.
    pub fn set_text(&mut self, attribute: &str, value: impl Into<String>) {
        self.attributes.insert(attribute.to_owned(), Attribute::Text(value.into()));
    }

    /// All datasets in this group and below with their paths, depth first: first a group's own.
    pub fn all_datasets(&self) -> Vec<(String, &Dataset)> {
        let mut found = Vec::new();
        self.collect_datasets("", &mut found);
        found
    }

    fn collect_datasets<'a>(&'a self, above: &str, found: &mut Vec<(String, &'a Dataset)>) {
        found.extend(
            self.datasets.iter().map(|(name, dataset)| (format!("{above}{name}"), dataset)),
        );
        for (name, group) in &self.groups {
            group.collect_datasets(&format!("{above}{name}/"), found);
        }
    }
}

impl Attribute {
    /// The string, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl Dataset {
    /// A dataset without attributes. That `data` fills `dims` is checked when it is written.
    pub fn new(dims: impl Into<Vec<usize>>, data: Data) -> Self {
        Self { dims: dims.into(), data, attributes: BTreeMap::new() }
    }

    /// The elements as `float32`: floats of either width (rounded), or `None` for other types.
    pub fn to_f32(&self) -> Option<Array<f32>> {
        let elements = match &self.data {
            Data::F32(elements) => elements.clone(),
            Data::F64(elements) => elements.iter().map(|&x| x as f32).collect(),
            _ => return None,
        };
        Array::new(self.dims.clone(), elements).ok()
    }

    /// The elements as `int64`: integers and booleans that fit, or `None` for other types.
    pub fn to_i64(&self) -> Option<Array<i64>> {
        let elements = match &self.data {
            Data::I8(elements) => elements.iter().map(|&x| i64::from(x)).collect(),
            Data::I16(elements) => elements.iter().map(|&x| i64::from(x)).collect(),
            Data::I32(elements) => elements.iter().map(|&x| i64::from(x)).collect(),
            Data::I64(elements) => elements.clone(),
            Data::U8(elements) => elements.iter().map(|&x| i64::from(x)).collect(),
            Data::U16(elements) => elements.iter().map(|&x| i64::from(x)).collect(),
            Data::U32(elements) => elements.iter().map(|&x| i64::from(x)).collect(),
            Data::U64(elements) => {
                elements.iter().map(|&x| i64::try_from(x).ok()).collect::<Option<Vec<_>>>()?
            }
            Data::Bool(elements) => elements.iter().map(|&x| i64::from(x)).collect(),
            Data::F32(_) | Data::F64(_) => return None,
        };
        Array::new(self.dims.clone(), elements).ok()
    }
}

impl From<&Array<f32>> for Dataset {
    fn from(array: &Array<f32>) -> Self {
        Self::new(array.dims(), Data::F32(array.data().to_vec()))
    }
}

impl From<Array<f32>> for Dataset {
    fn from(array: Array<f32>) -> Self {
        let dims = array.dims().to_vec();
        Self::new(dims, Data::F32(array.into_data()))
    }
}

impl From<Array<i64>> for Dataset {
    fn from(array: Array<i64>) -> Self {
        let dims = array.dims().to_vec();
        Self::new(dims, Data::I64(array.into_data()))
    }
}

impl Data {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(elements) => elements.len(),
            Self::F64(elements) => elements.len(),
            Self::I8(elements) => elements.len(),
            Self::I16(elements) => elements.len(),
            Self::I32(elements) => elements.len(),
            Self::I64(elements) => elements.len(),
            Self::U8(elements) => elements.len(),
            Self::U16(elements) => elements.len(),
            Self::U32(elements) => elements.len(),
            Self::U64(elements) => elements.len(),
            Self::Bool(elements) => elements.len(),
        }
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Keras's name of the type.
    pub fn dtype(&self) -> &'static str {
        match self {
            Self::F32(_) => "float32",
            Self::F64(_) => "float64",
            Self::I8(_) => "int8",
            Self::I16(_) => "int16",
            Self::I32(_) => "int32",
            Self::I64(_) => "int64",
            Self::U8(_) => "uint8",
            Self::U16(_) => "uint16",
            Self::U32(_) => "uint32",
            Self::U64(_) => "uint64",
            Self::Bool(_) => "bool",
        }
    }
}

/// Alphabetical, but runs of digits by their value: `vars/2` before `vars/10`.
pub(super) fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut x, mut y) = (a, b);
    while let (Some(c), Some(d)) = (x.chars().next(), y.chars().next()) {
        if c.is_ascii_digit() && d.is_ascii_digit() {
            let (m, n) = (leading_digits(x), leading_digits(y));
            let by_value = |digits: &str| digits.trim_start_matches('0').len();
            let order = by_value(m)
                .cmp(&by_value(n))
                .then_with(|| m.trim_start_matches('0').cmp(n.trim_start_matches('0')));
            if order.is_ne() {
                return order;
            }
            (x, y) = (&x[m.len()..], &y[n.len()..]);
        } else if c == d {
            (x, y) = (&x[c.len_utf8()..], &y[d.len_utf8()..]);
        } else {
            return c.cmp(&d);
        }
    }
    // Equal but for leading zeros: still a total order.
    x.len().cmp(&y.len()).then_with(|| a.cmp(b))
}

fn leading_digits(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    &text[..end]
}

fn path_parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|name| !name.is_empty())
}

fn find<'a, T>(members: &'a [(String, T)], name: &str) -> Option<&'a T> {
    members.iter().find(|(n, _)| n == name).map(|(_, member)| member)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_find_what_was_put_there() {
        let mut root = Group::default();
        root.set_dataset("layers/dense/vars/0", Array::full([2, 3], 1.0f32));
        root.set_dataset("layers/dense/vars/0", Array::full([2], 2.0f32));
        root.set_dataset("top", Array::scalar(3.0f32));
        root.group_mut("layers/dense/vars").set_text("name", "dense_7");
        assert_eq!(root.dataset("layers/dense/vars/0").unwrap().dims, [2]);
        assert_eq!(root.dataset("/top").unwrap().to_f32().unwrap(), Array::scalar(3.0));
        assert_eq!(root.group("/layers/dense/vars/").unwrap().text("name"), Some("dense_7"));
        assert!(root.dataset("layers/dense/0").is_none() && root.group("optimizer").is_none());
        let paths: Vec<String> = root.all_datasets().into_iter().map(|(path, _)| path).collect();
        assert_eq!(paths, ["top", "layers/dense/vars/0"]);
    }

    #[test]
    fn numbers_in_names_sort_by_value() {
        let mut names = ["dense_10", "dense_2", "dense", "10", "9", "conv2d", "09", "a1b", "a1"];
        names.sort_by(|a, b| natural_order(a, b));
        assert_eq!(names, ["09", "9", "10", "a1", "a1b", "conv2d", "dense", "dense_2", "dense_10"]);
    }

    #[test]
    fn whole_numbers_that_do_not_fit_are_refused() {
        assert!(Dataset::new([1], Data::U64(vec![u64::MAX])).to_i64().is_none());
        assert_eq!(Dataset::new([1], Data::Bool(vec![true])).to_i64().unwrap().data(), [1]);
        assert!(Dataset::new([1], Data::F32(vec![1.0])).to_i64().is_none());
        assert!(Dataset::new([3], Data::F32(vec![1.0])).to_f32().is_none());
    }
}
