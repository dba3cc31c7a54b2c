//! Sentences that several places need.

use super::material::Material;

/// So many classes are named in a sentence.
pub(super) const FEW_CLASSES: usize = 6;

/// `a, b and c`.
pub(crate) fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [name] => (*name).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// What is to be told from what. Of many classes, how many.
pub(super) fn task(class_names: &[String]) -> String {
    match class_names {
        [a, b] => format!("telling {a} from {b}"),
        names if names.len() <= FEW_CLASSES => {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            format!("telling {} apart", listed(&names))
        }
        names => format!("telling {} classes apart", names.len()),
    }
}

/// The pictures and the network in a sentence or two.
pub(super) fn setting(material: &Material<'_>) -> String {
    let [height, width, channels] = material.shape;
    let colour = if channels == 1 { "grey" } else { "colour" };
    let positive = match material.class_names {
        [_, positive] => format!(" \u{201c}{positive}\u{201d} is the positive class."),
        _ => String::new(),
    };
    format!(
        "The network {} looks at one {colour} picture of {height} \u{d7} {width} pixels at a time and \
         gives each class a probability. Pictures: {}.{positive}",
        material.model_name,
        material.data.trim_start_matches('<').trim_end_matches('>')
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_joined_as_in_a_sentence() {
        assert_eq!(listed(&[]), "");
        assert_eq!(listed(&["a"]), "a");
        assert_eq!(listed(&["a", "b", "c"]), "a, b and c");
        let names = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(task(&names[..2]), "telling a from b");
        assert_eq!(task(&names), "telling a, b and c apart");
        assert_eq!(task(&vec!["x".to_owned(); 9]), "telling 9 classes apart");
    }
}
