use std::fmt::Write;

use super::Chart;
use super::text::{at, label, shortened};
use crate::xml::escaped;

/// Classes of the largest matrix that can be read.
pub const MAX_CLASSES: usize = 30;

/// Width of the chart, and room for the names at the left.
const WIDTH: f64 = 360.0;
const LEFT: f64 = 96.0;
const TOP: f64 = 62.0;
/// Largest side of a cell.
const CELL: f64 = 110.0;
/// Cells smaller than this hold no number.
const READABLE: f64 = 24.0;
/// Most of a colour that a number can be read on, light and dark.
const OPAQUE: f64 = 0.5;

/// How often each class (row) was taken for each (column). Right answers are blue, mistakes orange,
/// the stronger the larger their part of the row. `None` for more than [`MAX_CLASSES`] classes.
pub fn confusion_matrix(counts: &[Vec<usize>], class_names: &[String]) -> Option<Chart> {
    let n = counts.len();
    if n == 0
        || MAX_CLASSES < n
        || class_names.len() != n
        || counts.iter().any(|row| row.len() != n)
    {
        return None;
    }
    let cell = ((WIDTH - LEFT - 14.0) / n as f64).min(CELL);
    let mut body = label(12.0, 22.0, "class=\"title\"", "Confusion matrix");
    let middle = LEFT + cell * n as f64 / 2.0;
    // Names above the columns only where there is room; else the order is that of the rows.
    if n <= 4 {
        body += &label(middle, TOP - 22.0, "class=\"middle\"", "predicted");
    } else {
        body +=
            &label(middle, TOP - 8.0, "class=\"middle\"", "predicted, in the order of the rows");
    }
    let mut words = Vec::new();
    for (row, of_class) in counts.iter().enumerate() {
        let total: usize = of_class.iter().sum();
        let y = TOP + cell * row as f64;
        let name = &class_names[row];
        let short = shortened(name, 12);
        let small = if cell < 13.0 { " style=\"font-size:8px\"" } else { "" };
        let attributes = format!("class=\"end strong\"{small}");
        body += &label(LEFT - 9.0, y + cell / 2.0 + 4.0, &attributes, &short);
        if n <= 4 {
            let letters = (cell / 7.0) as usize;
            let x = LEFT + cell * (row as f64 + 0.5);
            body += &label(x, TOP - 7.0, "class=\"middle strong\"", &shortened(name, letters));
        }
        for (column, &count) in of_class.iter().enumerate() {
            let part = count as f64 / total.max(1) as f64;
            let x = LEFT + cell * column as f64;
            let _ = writeln!(
                body,
                "<rect class=\"cell f{}\" fill-opacity=\"{}\" x=\"{}\" y=\"{}\" width=\"{4}\" \
                 height=\"{4}\" rx=\"3\"><title>{5} taken for {6}: {count}</title></rect>",
                u8::from(row != column),
                at(0.05 + (OPAQUE - 0.05) * part),
                at(x),
                at(y),
                at(cell),
                escaped(name),
                escaped(&class_names[column])
            );
            if 0 < count {
                words.push(format!("{name} taken for {}: {count}", class_names[column]));
            }
            let (x, y) = (x + cell / 2.0, y + cell / 2.0);
            if n <= 4 {
                body += &label(x, y, "class=\"middle number\"", &count.to_string());
                let part = format!("{:.0} %", 100.0 * part);
                body += &label(x, y + 18.0, "class=\"middle strong\"", &part);
            } else if READABLE <= cell && 0 < count {
                body += &label(x, y + 4.0, "class=\"middle strong\"", &count.to_string());
            }
        }
    }
    Some(Chart {
        title: "Confusion matrix".to_owned(),
        description: format!("Rows are true classes. {}", words.join("; ")),
        width: WIDTH,
        height: TOP + cell * n as f64 + 14.0,
        body,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("class {i}")).collect()
    }

    #[test]
    fn mistakes_have_another_colour_and_the_words_count() {
        let chart = confusion_matrix(&[vec![3, 1], vec![0, 2]], &names(2)).unwrap();
        let svg = chart.inline();
        assert!(svg.contains("class=\"cell f0\" fill-opacity=\"0.39\""), "{svg}");
        assert!(svg.contains("class=\"cell f1\" fill-opacity=\"0.16\""), "{svg}");
        assert!(svg.contains(">75 %</text>"));
        assert_eq!(
            chart.description,
            "Rows are true classes. class 0 taken for class 0: 3; class 0 taken for class 1: 1; \
             class 1 taken for class 1: 2"
        );
    }

    #[test]
    fn many_classes_are_small_and_too_many_are_none() {
        let square = |n: usize| vec![vec![0; n]; n];
        assert!(confusion_matrix(&square(30), &names(30)).unwrap().width < 361.0);
        assert!(confusion_matrix(&square(31), &names(31)).is_none());
        assert!(confusion_matrix(&square(3), &names(2)).is_none());
        assert!(confusion_matrix(&[], &[]).is_none());
    }
}
