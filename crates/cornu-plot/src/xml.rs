//! Text and numbers in HTML and SVG.

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
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A coordinate: two decimals at most, no zeros behind.
pub(crate) struct Number(pub(crate) f64);

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rounded = (self.0 * 100.0).round() / 100.0;
        // Never -0.
        write!(f, "{}", rounded + 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_become_markup_and_coordinates_are_short() {
        assert_eq!(escaped("<b>\"&\"\u{7}</b>"), "&lt;b&gt;&quot;&amp;&quot;\u{fffd}&lt;/b&gt;");
        let texts = [1.0, 1.504, -0.001].map(|x| Number(x).to_string());
        assert_eq!(texts, ["1", "1.5", "0"]);
    }
}
