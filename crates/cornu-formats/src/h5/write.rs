use super::{Attribute, Data, Dataset, Group, H5Error};
use hdf5_pure::{AttrValue, DatasetBuilder, EnumTypeBuilder, FileBuilder, GroupBuilder, LibVer};
use std::collections::BTreeSet;

/// Writes a tree as HDF5 bytes that h5py and Keras read.
///
/// The format is that of HDF5 1.8 (superblock 2, contiguous datasets without filters, texts as
/// variable-length UTF-8). Equal trees give equal bytes: no time is noted.
///
/// # Errors
///
/// [`H5Error::WrongLength`] where elements do not fill the dimensions, [`H5Error::BadName`] where
/// HDF5 cannot have a name, [`H5Error::Encode`] where the HDF5 writer refuses.
pub fn write_h5(root: &Group) -> Result<Vec<u8>, H5Error> {
    check(root, "")?;
    let mut file = FileBuilder::new();
    file.with_libver_bounds(LibVer::Earliest, LibVer::V18);
    for (name, attribute) in &root.attributes {
        file.set_attr(name, attribute_value(attribute));
    }
    for (name, dataset) in &root.datasets {
        fill_dataset(file.create_dataset(name), dataset)?;
    }
    for (name, group) in &root.groups {
        let mut builder = file.create_group(name);
        fill_group(&mut builder, group)?;
        file.add_group(builder.finish());
    }
    file.finish().map_err(|error| encode(&error))
}

fn fill_group(builder: &mut GroupBuilder, group: &Group) -> Result<(), H5Error> {
    for (name, attribute) in &group.attributes {
        builder.set_attr(name, attribute_value(attribute));
    }
    for (name, dataset) in &group.datasets {
        fill_dataset(builder.create_dataset(name), dataset)?;
    }
    for (name, inner) in &group.groups {
        let mut inner_builder = builder.create_group(name);
        fill_group(&mut inner_builder, inner)?;
        builder.add_group(inner_builder.finish());
    }
    Ok(())
}

fn fill_dataset(builder: &mut DatasetBuilder, dataset: &Dataset) -> Result<(), H5Error> {
    let builder = match &dataset.data {
        Data::F32(elements) => builder.with_f32_data(elements),
        Data::F64(elements) => builder.with_f64_data(elements),
        Data::I8(elements) => builder.with_i8_data(elements),
        Data::I16(elements) => builder.with_i16_data(elements),
        Data::I32(elements) => builder.with_i32_data(elements),
        Data::I64(elements) => builder.with_i64_data(elements),
        Data::U8(elements) => builder.with_u8_data(elements),
        Data::U16(elements) => builder.with_u16_data(elements),
        Data::U32(elements) => builder.with_u32_data(elements),
        Data::U64(elements) => builder.with_u64_data(elements),
        Data::Bool(elements) => {
            let dtype = EnumTypeBuilder::with_base(hdf5_pure::make_i8_type())
                .value("FALSE", 0)
                .value("TRUE", 1)
                .build()
                .map_err(|error| encode(&error))?;
            let bytes: Vec<u8> = elements.iter().map(|&element| u8::from(element)).collect();
            builder.with_enum_u8_data(dtype, &bytes)
        }
    };
    let dims: Vec<u64> = dataset.dims.iter().map(|&dim| dim as u64).collect();
    builder.with_shape(&dims);
    for (name, attribute) in &dataset.attributes {
        builder.set_attr(name, attribute_value(attribute));
    }
    Ok(())
}

fn attribute_value(attribute: &Attribute) -> AttrValue {
    match attribute {
        Attribute::Text(text) => AttrValue::VarLenString(text.clone()),
        Attribute::Texts(texts) => AttrValue::VarLenStringArray(texts.clone()),
        Attribute::Int(value) => AttrValue::I64(*value),
        Attribute::Ints(values) => AttrValue::I64Array(values.clone()),
        Attribute::Float(value) => AttrValue::F64(*value),
        Attribute::Floats(values) => AttrValue::F64Array(values.clone()),
    }
}

/// What the HDF5 writer takes for granted.
fn check(group: &Group, at: &str) -> Result<(), H5Error> {
    let mut names = BTreeSet::new();
    let datasets = group.datasets.iter().map(|(name, _)| name);
    for name in group.groups.iter().map(|(name, _)| name).chain(datasets) {
        let problem = if name.is_empty() || name == "." {
            "not a name"
        } else if name.contains(['/', '\0']) {
            "not allowed to contain '/' or a zero byte"
        } else if !names.insert(name) {
            "used twice"
        } else {
            continue;
        };
        let at = if at.is_empty() { "/" } else { at };
        return Err(H5Error::BadName { at: at.to_owned(), name: name.clone(), problem });
    }
    for (name, dataset) in &group.datasets {
        let expected = dataset.dims.iter().try_fold(1usize, |n, &dim| n.checked_mul(dim));
        if expected != Some(dataset.data.len()) {
            return Err(H5Error::WrongLength {
                at: format!("{at}/{name}"),
                dims: dataset.dims.clone(),
                got: dataset.data.len(),
            });
        }
    }
    group.groups.iter().try_for_each(|(name, inner)| check(inner, &format!("{at}/{name}")))
}

fn encode(error: &dyn std::fmt::Display) -> H5Error {
    H5Error::Encode { cause: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::super::read_h5;
    use super::*;
    use std::collections::BTreeMap;

    /// A tree with every type, odd sizes, scalars, empty arrays and empty groups.
    fn everything() -> Group {
        let mut root = Group::default();
        let datasets = [
            ("f32", vec![2, 3], Data::F32(vec![1.5, -0.0, f32::INFINITY, f32::MIN, 1e-45, 7.0])),
            ("f64", vec![1], Data::F64(vec![0.1])),
            ("i8", vec![3], Data::I8(vec![-128, 0, 127])),
            ("i16", vec![2], Data::I16(vec![i16::MIN, i16::MAX])),
            ("i32", vec![2], Data::I32(vec![i32::MIN, i32::MAX])),
            ("i64", vec![], Data::I64(vec![i64::MIN])),
            ("u8", vec![1, 1, 5], Data::U8(vec![0, 1, 2, 254, 255])),
            ("u16", vec![1], Data::U16(vec![u16::MAX])),
            ("u32", vec![1], Data::U32(vec![u32::MAX])),
            ("u64", vec![1], Data::U64(vec![u64::MAX])),
            ("bool", vec![3], Data::Bool(vec![true, false, true])),
            ("none", vec![0, 4], Data::F32(vec![])),
            ("learning_rate", vec![], Data::F32(vec![1e-3])),
        ];
        for (name, dims, data) in datasets {
            root.set_dataset(&format!("types/{name}"), Dataset::new(dims, data));
        }
        let numbers = &mut root.group_mut("types").datasets[0].1;
        numbers.attributes = BTreeMap::from([
            ("text".to_owned(), Attribute::Text("Füße 🦶".to_owned())),
            ("empty".to_owned(), Attribute::Text(String::new())),
            ("texts".to_owned(), Attribute::Texts(vec!["a".to_owned(), "béta".to_owned()])),
            ("one".to_owned(), Attribute::Texts(vec!["single".to_owned()])),
            ("int".to_owned(), Attribute::Int(-5)),
            ("ints".to_owned(), Attribute::Ints(vec![1, -2])),
            ("float".to_owned(), Attribute::Float(0.1)),
            ("floats".to_owned(), Attribute::Floats(vec![f64::MAX, -0.5])),
        ]);
        root.group_mut("layers/dense/vars").set_text("name", "dense_12");
        root.set_text("backend", "cornu");
        for i in 0..300 {
            root.set_dataset(&format!("many/{i}"), Dataset::new([], Data::I32(vec![i])));
            root.group_mut(&format!("many/layer_{i}/vars")).set_text("name", format!("n{i}"));
        }
        root
    }

    fn sorted(mut group: Group) -> Group {
        group.datasets.sort_by(|(a, _), (b, _)| super::super::tree::natural_order(a, b));
        group.groups.sort_by(|(a, _), (b, _)| super::super::tree::natural_order(a, b));
        group.groups = group.groups.into_iter().map(|(name, g)| (name, sorted(g))).collect();
        group
    }

    #[test]
    fn everything_comes_back() {
        let root = everything();
        let bytes = write_h5(&root).unwrap();
        assert_eq!(read_h5(bytes).unwrap(), sorted(root));
    }

    #[test]
    fn equal_trees_give_equal_bytes() {
        assert_eq!(write_h5(&everything()).unwrap(), write_h5(&everything()).unwrap());
    }

    #[test]
    fn an_empty_tree() {
        assert_eq!(read_h5(write_h5(&Group::default()).unwrap()).unwrap(), Group::default());
    }

    #[test]
    fn what_hdf5_cannot_hold_is_refused() {
        let mut wrong = Group::default();
        wrong.set_dataset("a/b", Dataset::new([2, 2], Data::F32(vec![0.0; 3])));
        let message = write_h5(&wrong).unwrap_err().to_string();
        assert_eq!(message, "dataset /a/b of shape [2, 2] has 3 elements");
        for name in ["", ".", "a/b", "a\0b"] {
            let bad =
                Group { groups: vec![(name.to_owned(), Group::default())], ..Group::default() };
            assert!(matches!(write_h5(&bad), Err(H5Error::BadName { .. })), "{name:?}");
        }
        let mut twice = Group::default();
        twice.set_dataset("a", Dataset::new([], Data::U8(vec![0])));
        twice.group_mut("a");
        let message = write_h5(&twice).unwrap_err().to_string();
        assert_eq!(message, "/: the name \"a\" is used twice");
    }
}
