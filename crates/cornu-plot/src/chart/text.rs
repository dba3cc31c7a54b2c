use crate::xml::{Number, escaped};

/// The first characters of `text`, with an ellipsis if there are more than `n`.
pub(crate) fn shortened(text: &str, n: usize) -> String {
    if text.chars().count() <= n {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(n.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// A coordinate.
pub(super) fn at(x: f64) -> String {
    Number(x).to_string()
}

/// A `<text>` at a place; `attributes` are its class and anchor.
pub(super) fn label(x: f64, y: f64, attributes: &str, text: &str) -> String {
    format!("<text x=\"{}\" y=\"{}\" {attributes}>{}</text>\n", at(x), at(y), escaped(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_shortened() {
        assert_eq!(shortened("cardiomegaly", 6), "cardi…");
        assert_eq!(shortened("heart", 6), "heart");
    }
}
