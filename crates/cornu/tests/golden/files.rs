//! Files that Keras wrote.

use cornu_formats::{read_h5, read_keras};
use cornu_model::Model;
use cornu_testkit::{Case, Cases};

use crate::compare::difference;
use crate::tally::{Failure, Verdict};

/// All files of a case: they load, and are written again with the same tree.
pub(crate) fn check(cases: &Cases, case: &Case) -> Verdict {
    for name in case.json["files"].as_object().into_iter().flatten().map(|(name, _)| name) {
        if name.ends_with(".keras") {
            whole_model(cases, case, name)
        } else if name.ends_with(".weights.h5") {
            weights(cases, case, name)
        } else {
            legacy(cases, case, name)
        }
        .map_err(|failure| failure.at(name))?;
    }
    Ok(())
}

fn whole_model(cases: &Cases, case: &Case, name: &str) -> Verdict {
    let model = Model::load(cases.file(name))?;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("again.keras");
    model.save(&path)?;
    let (ours, theirs) = (read_keras(&path).unwrap(), read_keras(&cases.file(name)).unwrap());
    if ours.weights != theirs.weights {
        return Err(Failure::wrong(tree_difference(&ours.weights, &theirs.weights)));
    }
    for key in ["config", "compile_config"] {
        let (mut ours, mut theirs) = (ours.config[key].clone(), theirs.config[key].clone());
        for config in [&mut ours, &mut theirs] {
            // How the other runtime was told to run.
            if let Some(config) = config.as_object_mut() {
                config.remove("run_eagerly");
                config.remove("jit_compile");
            }
        }
        if let Some(text) = difference(key, &ours, &theirs) {
            return Err(Failure::wrong(text));
        }
    }
    let expected = case.list(if case.has("w1.0") { "w1" } else { "w" });
    for (i, (weight, expected)) in model.get_weights().iter().zip(&expected).enumerate() {
        if weight != expected {
            return Err(Failure::wrong(format!("weight {i} differs")));
        }
    }
    Ok(())
}

fn legacy(cases: &Cases, case: &Case, name: &str) -> Verdict {
    let model = Model::load(cases.file(name))?;
    let expected = case.list(if case.has("w1.0") { "w1" } else { "w" });
    if model.get_weights() != expected {
        return Err(Failure::wrong("weights differ".to_owned()));
    }
    for (i, (path, value)) in model.optimizer_variables().iter().enumerate() {
        if Some(value) != case.f32(&format!("ov.{i}")).as_ref() {
            return Err(Failure::wrong(format!("optimizer variable `{path}` differs")));
        }
    }
    Ok(())
}

fn weights(cases: &Cases, case: &Case, name: &str) -> Verdict {
    let mut model = Model::from_config(&case.json["object"])?;
    model.load_weights(cases.file(name))?;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("again.weights.h5");
    model.save_weights(&path)?;
    let tree = |path: &std::path::Path| read_h5(std::fs::read(path).unwrap()).unwrap();
    let (ours, mut theirs) = (tree(&path), tree(&cases.file(name)));
    // The model is not compiled, so it has no optimizer to save.
    theirs.groups.retain(|(name, _)| name != "optimizer");
    if ours != theirs {
        return Err(Failure::wrong(tree_difference(&ours, &theirs)));
    }
    Ok(())
}

fn tree_difference(ours: &cornu_formats::Group, theirs: &cornu_formats::Group) -> String {
    let paths = |group: &cornu_formats::Group| -> Vec<String> {
        group.all_datasets().iter().map(|(path, data)| format!("{path}{:?}", data.dims)).collect()
    };
    let (ours_paths, theirs_paths) = (paths(ours), paths(theirs));
    if ours_paths != theirs_paths {
        return format!("datasets {ours_paths:?}, not {theirs_paths:?}");
    }
    fn attributes(group: &cornu_formats::Group, at: &str, out: &mut Vec<String>) {
        out.push(format!("{at}: {:?}", group.attributes));
        for (name, group) in &group.groups {
            attributes(group, &format!("{at}/{name}"), out);
        }
    }
    let (mut a, mut b) = (Vec::new(), Vec::new());
    attributes(ours, "", &mut a);
    attributes(theirs, "", &mut b);
    let differing: Vec<_> = a.iter().zip(&b).filter(|(a, b)| a != b).collect();
    format!("values or attributes differ: {differing:?}")
}
