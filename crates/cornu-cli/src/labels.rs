//! Class names and indices of a data set.

use cornu::data::ImageFolder;

use crate::error::CliError;

/// Brings the classes of `folder` into the order of `names`, a model's.
///
/// # Errors
///
/// If the folder has a class that the model does not know.
pub(crate) fn use_class_names(
    folder: &mut ImageFolder,
    names: &[String],
) -> Result<(), CliError> {
    let unknown: Vec<&str> = folder
        .class_names
        .iter()
        .filter(|name| !names.contains(name))
        .map(String::as_str)
        .collect();
    if !unknown.is_empty() {
        return Err(CliError::message(format!(
            "{}: the model knows the classes `{}`, but not `{}`; rename the class folders",
            folder.root.display(),
            names.join("`, `"),
            unknown.join("`, `")
        )));
    }
    for sample in &mut folder.samples {
        let name = &folder.class_names[sample.class_idx];
        sample.class_idx = names.iter().position(|known| known == name).unwrap_or_default();
    }
    folder.class_names = names.to_vec();
    Ok(())
}
