use std::fmt::Write;

use super::Chart;
use super::style::COLOURS;
use super::text::{at, label, shortened};
use crate::xml::escaped;

const WIDTH: f64 = 420.0;
const LEFT: f64 = 110.0;
const TOP: f64 = 62.0;
const ROW: f64 = 30.0;
/// Room for the sum at the right.
const RIGHT: f64 = 56.0;

/// Bars that are each divided into parts, as classes into splits.
#[derive(Debug, Clone, PartialEq)]
pub struct StackedBars {
    /// What is counted.
    pub title: String,
    /// Names of the parts.
    pub parts: Vec<String>,
    /// Name of each bar and how large its parts are.
    pub bars: Vec<(String, Vec<usize>)>,
}

/// Draws bars from the left, one below the other.
pub fn bars(data: &StackedBars) -> Chart {
    let StackedBars { title, parts, bars } = data;
    let mut body = label(12.0, 22.0, "class=\"title\"", title);
    let mut x = 12.0;
    for (index, part) in parts.iter().enumerate() {
        let _ = writeln!(
            body,
            "<rect class=\"f{}\" x=\"{}\" y=\"35\" width=\"11\" height=\"11\" rx=\"2\"/>",
            index % COLOURS,
            at(x)
        );
        body += &label(x + 17.0, 44.5, "class=\"strong\"", part);
        x += 17.0 + 6.6 * part.chars().count() as f64 + 18.0;
    }
    let sum = |bar: &(String, Vec<usize>)| bar.1.iter().sum::<usize>();
    let largest = bars.iter().map(sum).max().unwrap_or(0).max(1) as f64;
    let mut words = Vec::new();
    for (row, bar) in bars.iter().enumerate() {
        let (name, counts) = bar;
        let y = TOP + ROW * row as f64;
        body += &label(LEFT - 9.0, y + 15.0, "class=\"end strong\"", &shortened(name, 14));
        let mut x = LEFT;
        for (index, &count) in counts.iter().enumerate() {
            let width = (WIDTH - LEFT - RIGHT) * count as f64 / largest;
            let part = parts.get(index).map_or("", String::as_str);
            let _ = writeln!(
                body,
                "<rect class=\"cell f{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"22\" rx=\"3\">\
                 <title>{}, {}: {count}</title></rect>",
                index % COLOURS,
                at(x),
                at(y),
                at(width),
                escaped(name),
                escaped(part)
            );
            x += width;
            words.push(format!("{name}, {part}: {count}"));
        }
        body += &label(x + 7.0, y + 15.0, "class=\"strong\"", &sum(bar).to_string());
    }
    Chart {
        title: title.clone(),
        description: words.join("; "),
        width: WIDTH,
        height: TOP + ROW * bars.len() as f64 + 4.0,
        body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_each_other_and_add_up() {
        let parts = vec!["train".to_owned(), "test".to_owned()];
        let data = StackedBars {
            title: "Pictures".to_owned(),
            parts,
            bars: vec![("a".to_owned(), vec![30, 10]), ("b".to_owned(), vec![20, 0])],
        };
        let chart = bars(&data);
        let svg = chart.inline();
        assert!(svg.contains("x=\"110\" y=\"62\" width=\"190.5\""), "{svg}");
        assert!(svg.contains("x=\"300.5\" y=\"62\" width=\"63.5\"") && svg.contains(">40</text>"));
        assert_eq!(chart.description, "a, train: 30; a, test: 10; b, train: 20; b, test: 0");
    }
}
