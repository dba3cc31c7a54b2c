/// `text` as text of HTML or SVG; what no XML may hold becomes a replacement character.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(' '),
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// The first characters of `text`, with an ellipsis if there are more than `n`.
pub(crate) fn shortened(text: &str, n: usize) -> String {
    if text.chars().count() <= n {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(n.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// A coordinate: two decimals at most, no zeros behind.
pub(super) fn at(x: f64) -> String {
    let text = format!("{x:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A `<text>` at a place; `attributes` are its class and anchor.
pub(super) fn label(x: f64, y: f64, attributes: &str, text: &str) -> String {
    format!("<text x=\"{}\" y=\"{}\" {attributes}>{}</text>\n", at(x), at(y), escaped(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_become_markup_and_coordinates_are_short() {
        assert_eq!(escaped("<b>\"&\"\u{7}</b>"), "&lt;b&gt;&quot;&amp;&quot;\u{fffd}&lt;/b&gt;");
        assert_eq!(["1", "1.5", "0"], [at(1.0), at(1.504), at(-0.001)]);
        assert_eq!(shortened("cardiomegaly", 6), "cardi…");
        assert_eq!(shortened("heart", 6), "heart");
    }
}
