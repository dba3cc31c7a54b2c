//! Curves in a few lines of text: two by four dots a character, as braille has them.

/// Rows of characters.
const ROWS: usize = 6;
/// Colours of the two curves on a terminal: blue and yellow, which nearly everybody can tell apart.
const BLUE: &str = "\x1b[94m";
const YELLOW: &str = "\x1b[33m";
const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";

/// A curve of training, and the one of validation, by epoch.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Curves {
    pub(crate) name: String,
    pub(crate) train: Vec<f64>,
    pub(crate) validation: Vec<f64>,
}

impl Curves {
    /// Lines of exactly `width` columns: a title, the plot with numbers at its left, and the epochs.
    /// Training is a line of dots, validation one of every other dot. `epochs` is where the axis ends.
    pub(crate) fn lines(&self, width: usize, epochs: usize, coloured: bool) -> Vec<String> {
        let paint = |colour: &str, text: &str| match coloured {
            true => format!("{colour}{text}{PLAIN}"),
            false => text.to_owned(),
        };
        let values =
            || self.train.iter().chain(&self.validation).copied().filter(|v| v.is_finite());
        let (low, high) = values()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        let (low, high) = match high - low {
            span if span.is_nan() || span < 0.0 => (0.0, 1.0),
            span if span < 1e-9 => (low - 0.5, high + 0.5),
            _ => (low, high),
        };
        let label = 7;
        let columns = width.saturating_sub(label + 1).max(4);
        let mut dots = Dots::new(columns);
        // What is drawn last has the character's colour: the curve of validation, which counts.
        dots.curve(&self.train, low, high, epochs, Curve::Train);
        dots.curve(&self.validation, low, high, epochs, Curve::Validation);
        let last =
            |values: &[f64]| values.last().map_or(String::new(), |value| format!(" {value:.3}"));
        let mut title = format!("{:label$} ", "");
        let mut used = label + 1;
        let room = width.saturating_sub(used);
        let parts = [
            (PLAIN, self.name.clone()),
            (BLUE, format!("  ━ training{}", last(&self.train))),
            (YELLOW, format!("  ╍ validation{}", last(&self.validation))),
        ];
        let n = if self.validation.is_empty() { 2 } else { 3 };
        for (colour, text) in &parts[..n] {
            let text: String = text.chars().take(width.saturating_sub(used)).collect();
            used += text.chars().count();
            title += &if *colour == PLAIN { text } else { paint(colour, &text) };
        }
        let pad = |text: String, used: usize| text + &" ".repeat(width.saturating_sub(used));
        let mut lines = vec![pad(title, used)];
        for row in 0..ROWS {
            let number = match row {
                0 => format!("{high:>label$.3}"),
                _ if row + 1 == ROWS => format!("{low:>label$.3}"),
                _ => " ".repeat(label),
            };
            let number: String = number.chars().take(label).collect();
            let mut line = paint(DIM, &format!("{number}│"));
            for column in 0..columns {
                let (bits, curve) = dots.at(row, column);
                let letter = char::from_u32(0x2800 + u32::from(bits)).unwrap_or(' ');
                line += &match curve {
                    Some(Curve::Train) => paint(BLUE, &letter.to_string()),
                    Some(Curve::Validation) => paint(YELLOW, &letter.to_string()),
                    None => " ".to_owned(),
                };
            }
            lines.push(pad(line, label + 1 + columns));
        }
        let last = format!("epoch {epochs}");
        let gap = room.saturating_sub(1 + last.chars().count());
        let axis = format!("{:label$} 1{}{last}", "", " ".repeat(gap));
        let axis: String = axis.chars().take(width).collect();
        lines.push(pad(paint(DIM, &axis), axis.chars().count()));
        lines
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Curve {
    Train,
    Validation,
}

/// Dots in characters.
struct Dots {
    columns: usize,
    cells: Vec<(u8, Option<Curve>)>,
}

impl Dots {
    fn new(columns: usize) -> Self {
        Self { columns, cells: vec![(0, None); columns * ROWS] }
    }

    fn at(&self, row: usize, column: usize) -> (u8, Option<Curve>) {
        self.cells[row * self.columns + column]
    }

    /// Draws values along `epochs` epochs, straight lines between them.
    fn curve(&mut self, values: &[f64], low: f64, high: f64, epochs: usize, curve: Curve) {
        let last = (2 * self.columns - 1) as f64;
        let x_of = |epoch: usize| epoch as f64 / (epochs.max(2) - 1) as f64 * last;
        for (epoch, pair) in values.windows(2).enumerate() {
            let (from, to) = (x_of(epoch), x_of(epoch + 1));
            let steps = ((to - from).ceil() as usize * 4).max(4);
            for step in 0..=steps {
                let t = step as f64 / steps as f64;
                self.dot(
                    from + (to - from) * t,
                    pair[0] + (pair[1] - pair[0]) * t,
                    low,
                    high,
                    curve,
                );
            }
        }
        if let [value] = values {
            self.dot(0.0, *value, low, high, curve);
        }
    }

    fn dot(&mut self, x: f64, value: f64, low: f64, high: f64, curve: Curve) {
        if !value.is_finite() {
            return;
        }
        // Bits of the dots of a character, row by row.
        const BITS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
        let x = (x.round() as usize).min(2 * self.columns - 1);
        let rows = 4 * ROWS - 1;
        let y =
            ((high - value) / (high - low) * rows as f64).round().clamp(0.0, rows as f64) as usize;
        if curve == Curve::Validation && x % 2 == 1 {
            return;
        }
        let (bits, of) = &mut self.cells[y / 4 * self.columns + x / 2];
        *bits |= BITS[y % 4][x % 2];
        *of = Some(curve);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curves() -> Curves {
        Curves {
            name: "loss".to_owned(),
            train: vec![1.0, 0.5, 0.25, 0.0],
            validation: vec![1.0, 1.0],
        }
    }

    #[test]
    fn curves_fall_from_the_upper_left_to_the_lower_right() {
        let lines = curves().lines(28, 4, false);
        assert_eq!(lines.len(), ROWS + 2);
        assert_eq!(lines[0], "        loss  ━ training 0.0");
        let plot: Vec<Vec<char>> =
            lines[1..=ROWS].iter().map(|line| line.chars().collect()).collect();
        assert!(lines[1].starts_with("  1.000│") && lines[6].starts_with("  0.000│"));
        assert_ne!(plot[0][8], ' ');
        assert_ne!(plot[ROWS - 1][27], ' ');
        assert_eq!((plot[0][27], plot[ROWS - 1][8]), (' ', ' '));
        assert_eq!(lines[7], "        1            epoch 4");
    }

    #[test]
    fn every_line_is_as_wide_as_asked_for_and_colours_take_no_place() {
        for width in [20, 33, 60, 120] {
            for line in curves().lines(width, 9, false) {
                assert_eq!(line.chars().count(), width, "{line:?}");
            }
            let coloured = curves().lines(width, 9, true);
            for (line, plain) in coloured.iter().zip(curves().lines(width, 9, false)) {
                let mut text = line.clone();
                for code in [BLUE, YELLOW, DIM, PLAIN] {
                    text = text.replace(code, "");
                }
                assert_eq!(text, plain);
            }
        }
        assert!(!curves().lines(40, 4, false).concat().contains('\x1b'));
    }

    #[test]
    fn nothing_and_not_a_number_are_drawn_as_nothing() {
        let empty = Curves { train: vec![f64::NAN; 3], ..Curves::default() };
        let lines = empty.lines(30, 5, false);
        assert!(
            lines[1..=ROWS].iter().all(|line| line[10..].trim_start_matches('│').trim().is_empty())
        );
        let constant = Curves { train: vec![2.0; 3], ..Curves::default() };
        assert!(constant.lines(30, 3, false)[1].starts_with("  2.500│"));
    }
}
