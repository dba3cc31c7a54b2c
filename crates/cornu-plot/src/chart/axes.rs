use std::fmt::Write;

use super::text::{at, label};

/// The rectangle of a chart in which values are drawn, and what its sides stand for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axes {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    /// Value at the left and at the right side.
    pub(super) x: (f64, f64),
    /// Value at the lower and at the upper side.
    pub(super) y: (f64, f64),
}

impl Axes {
    pub(super) fn at_x(&self, x: f64) -> f64 {
        self.left + self.width * (x - self.x.0) / (self.x.1 - self.x.0)
    }

    pub(super) fn at_y(&self, y: f64) -> f64 {
        self.top + self.height * (self.y.1 - y) / (self.y.1 - self.y.0)
    }

    pub(super) fn bottom(&self) -> f64 {
        self.top + self.height
    }

    /// `x,y x,y ...` of points, as `points` of a polyline.
    pub(super) fn points(&self, points: impl IntoIterator<Item = (f64, f64)>) -> String {
        let place = |(x, y)| format!("{},{}", at(self.at_x(x)), at(self.at_y(y)));
        points.into_iter().map(place).collect::<Vec<_>>().join(" ")
    }

    /// Lines across and numbers at the sides; what the axes are called.
    pub(super) fn draw(&self, x: &Ticks, y: &Ticks, x_name: &str, y_name: &str) -> String {
        let mut svg = String::new();
        let (right, bottom) = (self.left + self.width, self.bottom());
        for (value, text) in y.places() {
            let y = self.at_y(value);
            let _ = writeln!(
                svg,
                "<line class=\"grid\" x1=\"{}\" y1=\"{2}\" x2=\"{1}\" y2=\"{2}\"/>",
                at(self.left),
                at(right),
                at(y)
            );
            svg += &label(self.left - 7.0, y + 4.0, "class=\"end\"", &text);
        }
        for (value, text) in x.places() {
            svg += &label(self.at_x(value), bottom + 17.0, "class=\"middle\"", &text);
        }
        let _ = writeln!(
            svg,
            "<line class=\"axis\" x1=\"{}\" y1=\"{2}\" x2=\"{1}\" y2=\"{2}\"/>",
            at(self.left),
            at(right),
            at(bottom)
        );
        let middle = self.left + self.width / 2.0;
        svg += &label(middle, bottom + 34.0, "class=\"middle\"", x_name);
        if !y_name.is_empty() {
            let (x, y) = (13.0, self.top + self.height / 2.0);
            let turned = format!("class=\"middle\" transform=\"rotate(-90 {} {})\"", at(x), at(y));
            svg += &label(x, y, &turned, y_name);
        }
        svg
    }
}

/// Round numbers along an axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ticks {
    pub(super) values: Vec<f64>,
    /// Distance between two.
    step: f64,
}

impl Ticks {
    /// About `n` round numbers that cover `low..=high`.
    pub(super) fn covering(low: f64, high: f64, n: usize) -> Self {
        // Around a single value a tenth of it.
        let around = if low == 0.0 { 0.5 } else { 0.1 * low.abs() };
        let (low, high) = if low < high { (low, high) } else { (low - around, low + around) };
        let step = round_step((high - low) / n as f64);
        let (first, last) = ((low / step + 1e-9).floor(), (high / step - 1e-9).ceil());
        Self::of(first as i64, last as i64, step)
    }

    /// Round numbers within `low..=high`, about `n`.
    pub(super) fn within(low: f64, high: f64, n: usize) -> Self {
        let step = round_step((high - low) / n as f64);
        let (first, last) = ((low / step - 1e-9).ceil(), (high / step + 1e-9).floor());
        Self::of(first as i64, last as i64, step)
    }

    /// Whole numbers within `low..=high`, about `n`, the first and the last of them always.
    pub(super) fn whole(low: usize, high: usize, n: usize) -> Self {
        let step = round_step((high - low) as f64 / n as f64).ceil().max(1.0);
        let near_end =
            |value: f64| high as f64 - value < 0.5 * step || value - (low as f64) < 0.5 * step;
        let inner = Self::within(low as f64, high as f64, n.max(1)).values;
        let inner = inner.into_iter().filter(|&v| v.fract() == 0.0 && !near_end(v));
        let mut values = vec![low as f64];
        values.extend(inner);
        if low < high {
            values.push(high as f64);
        }
        Self { values, step: 1.0 }
    }

    fn of(first: i64, last: i64, step: f64) -> Self {
        Self { values: (first..=last).map(|i| i as f64 * step).collect(), step }
    }

    pub(super) fn ends(&self) -> (f64, f64) {
        (self.values.first().copied().unwrap_or(0.0), self.values.last().copied().unwrap_or(1.0))
    }

    fn places(&self) -> impl Iterator<Item = (f64, String)> {
        self.values.iter().map(|&value| (value, number(value, self.step)))
    }
}

/// 1, 2, 2.5 or 5 times a power of ten, at least `step`.
fn round_step(step: f64) -> f64 {
    let size = 10f64.powf(step.log10().floor());
    let factor = step / size;
    let rounds = [1.0, 2.0, 2.5, 5.0];
    rounds.into_iter().find(|round| factor <= round * (1.0 + 1e-9)).unwrap_or(10.0) * size
}

/// `value` with as many decimals as `step` has.
fn number(value: f64, step: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if step < 1e-5 || 1e6 <= value.abs() {
        return format!("{value:.1e}");
    }
    let decimals = (0..6).find(|&d| {
        let scaled = step * 10f64.powi(d);
        (scaled - scaled.round()).abs() < 1e-6 * scaled
    });
    format!("{value:.*}", decimals.unwrap_or(6) as usize).replace('-', "\u{2212}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(ticks: &Ticks) -> Vec<String> {
        ticks.places().map(|(_, text)| text).collect()
    }

    #[test]
    fn ticks_are_round_and_cover() {
        assert_eq!(texts(&Ticks::covering(0.13, 0.71, 4)), ["0", "0.2", "0.4", "0.6", "0.8"]);
        assert_eq!(
            texts(&Ticks::covering(0.0, 0.001, 4)),
            ["0", "0.00025", "0.00050", "0.00075", "0.00100"]
        );
        assert_eq!(texts(&Ticks::covering(2.0, 2.0, 2)), ["1.8", "2.0", "2.2"]);
        assert_eq!(texts(&Ticks::covering(-1.0, 1.0, 2)), ["\u{2212}1", "0", "1"]);
        assert_eq!(texts(&Ticks::whole(1, 50, 5)), ["1", "10", "20", "30", "40", "50"]);
        assert_eq!(texts(&Ticks::whole(1, 1, 5)), ["1"]);
        assert_eq!(texts(&Ticks::whole(1, 3, 5)), ["1", "2", "3"]);
    }
}
