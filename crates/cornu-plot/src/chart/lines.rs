use std::fmt::Write;

use super::Chart;
use super::axes::{Axes, Ticks};
use super::style::COLOURS;
use super::text::{at, label};

const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 270.0;

/// A line of a [`LineChart`]: a value for each of 1, 2, 3, ...
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What it is, for the legend.
    pub name: String,
    /// What is not finite is left out.
    pub values: Vec<f64>,
}

impl Line {
    /// A line of this name.
    pub fn new(name: impl Into<String>, values: &[f64]) -> Self {
        Self { name: name.into(), values: values.to_vec() }
    }
}

/// Values over epochs, or anything else that is counted from 1.
#[derive(Debug, Clone, PartialEq)]
pub struct LineChart {
    title: String,
    x_name: String,
    lines: Vec<Line>,
    mark: Option<(usize, String)>,
    from_zero: bool,
}

impl LineChart {
    /// A chart without lines.
    pub fn new(title: impl Into<String>, x_name: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            x_name: x_name.into(),
            lines: Vec::new(),
            mark: None,
            from_zero: false,
        }
    }

    /// The same with one more line.
    pub fn line(mut self, line: Line) -> Self {
        self.lines.push(line);
        self
    }

    /// The same with a mark at a place, counted from 1, and what it says. The last line has a dot there.
    pub fn mark(mut self, place: usize, text: impl Into<String>) -> Self {
        self.mark = Some((place, text.into()));
        self
    }

    /// The same with 0 on the vertical axis.
    pub fn from_zero(mut self) -> Self {
        self.from_zero = true;
        self
    }

    /// Draws it.
    pub fn chart(&self) -> Chart {
        let mut body = label(12.0, 22.0, "class=\"title\"", &self.title);
        let finite = || self.lines.iter().flat_map(|line| &line.values).filter(|v| v.is_finite());
        let n = self.lines.iter().map(|line| line.values.len()).max().unwrap_or(0);
        if finite().next().is_none() {
            body += &label(12.0, 60.0, "", "There are no values to draw.");
            return self.finished(body, "There are no values".to_owned());
        }
        let low = finite().copied().fold(f64::INFINITY, f64::min);
        let high = finite().copied().fold(f64::NEG_INFINITY, f64::max);
        let y = Ticks::covering(if self.from_zero { low.min(0.0) } else { low }, high, 4);
        let x = Ticks::whole(1, n.max(1), 5);
        let axes = Axes {
            left: 58.0,
            top: 62.0,
            width: WIDTH - 58.0 - 16.0,
            height: HEIGHT - 62.0 - 46.0,
            x: if n <= 1 { (0.5, 1.5) } else { (1.0, n as f64) },
            y: y.ends(),
        };
        body += &axes.draw(&x, &y, &self.x_name, "");
        body += &self.legend();
        if let Some((place, text)) = self.mark.as_ref().filter(|(place, _)| (1..=n).contains(place))
        {
            let x = axes.at_x(*place as f64);
            let _ = writeln!(
                body,
                "<line class=\"mark\" x1=\"{0}\" y1=\"{1}\" x2=\"{0}\" y2=\"{2}\"/>",
                at(x),
                at(axes.top - 16.0),
                at(axes.bottom())
            );
            // Beside the line, on the side where there is room.
            let (x, side) = if x < axes.left + 0.6 * axes.width {
                (x + 5.0, "")
            } else {
                (x - 5.0, "class=\"end\"")
            };
            body += &label(x, axes.top - 7.0, side, text);
        }
        for (index, line) in self.lines.iter().enumerate() {
            body += &drawn(&axes, index, line);
        }
        if let (Some((place, _)), Some(last)) = (&self.mark, self.lines.last())
            && let Some(value) = place.checked_sub(1).and_then(|i| last.values.get(i))
            && value.is_finite()
        {
            let _ = writeln!(
                body,
                "<circle class=\"dot f{}\" cx=\"{}\" cy=\"{}\" r=\"4.5\"/>",
                (self.lines.len() - 1) % COLOURS,
                at(axes.at_x(*place as f64)),
                at(axes.at_y(*value))
            );
        }
        self.finished(body, self.in_words())
    }

    fn legend(&self) -> String {
        let mut svg = String::new();
        let mut x = 12.0;
        if self.lines.len() < 2 {
            return svg;
        }
        for (index, line) in self.lines.iter().enumerate() {
            let _ = writeln!(
                svg,
                "<line class=\"line l{}\" x1=\"{}\" y1=\"40\" x2=\"{}\" y2=\"40\"/>",
                index % COLOURS,
                at(x),
                at(x + 18.0)
            );
            svg += &label(x + 24.0, 44.0, "class=\"strong\"", &line.name);
            x += 24.0 + 6.6 * line.name.chars().count() as f64 + 18.0;
        }
        svg
    }

    fn in_words(&self) -> String {
        let of = |line: &Line| {
            let mut finite = line.values.iter().filter(|value| value.is_finite());
            match (finite.next(), finite.next_back()) {
                (Some(first), Some(last)) => format!("{} from {first:.3} to {last:.3}", line.name),
                (Some(only), None) => format!("{} {only:.3}", line.name),
                _ => format!("{}: no values", line.name),
            }
        };
        let mut words: Vec<String> = self.lines.iter().map(of).collect();
        words.extend(self.mark.as_ref().map(|(_, text)| text.clone()));
        format!("Lines over {}: {}", self.x_name, words.join("; "))
    }

    fn finished(&self, body: String, description: String) -> Chart {
        Chart { title: self.title.clone(), description, width: WIDTH, height: HEIGHT, body }
    }
}

/// A line, broken where values are not finite; a single value is a dot.
fn drawn(axes: &Axes, index: usize, line: &Line) -> String {
    let mut svg = String::new();
    let places: Vec<(f64, f64)> =
        (1..).zip(&line.values).map(|(x, &y)| (f64::from(x), y)).collect();
    for piece in places.split(|(_, y)| !y.is_finite()).filter(|piece| !piece.is_empty()) {
        let colour = index % COLOURS;
        let _ = match piece {
            [(x, y)] => writeln!(
                svg,
                "<circle class=\"dot f{colour}\" cx=\"{}\" cy=\"{}\" r=\"3.5\"/>",
                at(axes.at_x(*x)),
                at(axes.at_y(*y))
            ),
            piece => writeln!(
                svg,
                "<polyline class=\"line l{colour}\" points=\"{}\"/>",
                axes.points(piece.iter().copied())
            ),
        };
    }
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_where_values_are_not_finite() {
        let values = [1.0, 2.0, f64::NAN, 3.0];
        let svg = LineChart::new("loss", "epoch").line(Line::new("a", &values)).chart().inline();
        assert!(svg.contains("points=\"58,224 173.33,143\"") && !svg.contains("NaN"), "{svg}");
        assert_eq!(svg.matches("<polyline").count(), 1);
        assert_eq!(svg.matches("<circle").count(), 1);
    }

    #[test]
    fn nothing_and_one_epoch_can_be_drawn() {
        let none = LineChart::new("loss", "epoch").line(Line::new("a", &[f64::NAN])).chart();
        assert!(none.inline().contains("no values to draw"));
        let one =
            LineChart::new("loss", "epoch").line(Line::new("a", &[2.0])).mark(1, "best").chart();
        assert!(!one.inline().contains("NaN") && one.inline().contains(">best</text>"));
        // A mark that is not there is not drawn.
        let off =
            LineChart::new("loss", "epoch").line(Line::new("a", &[2.0])).mark(9, "best").chart();
        assert!(!off.inline().contains(">best</text>"));
    }

    #[test]
    fn the_words_say_what_is_seen() {
        let chart = LineChart::new("<loss>", "epoch").line(Line::new("a", &[1.0, 0.5])).chart();
        assert_eq!(chart.description, "Lines over epoch: a from 1.000 to 0.500");
        assert!(chart.inline().contains("<title>&lt;loss&gt;</title>"));
        assert!(!chart.inline().contains("xmlns") && chart.standalone().contains("<style>"));
    }
}
