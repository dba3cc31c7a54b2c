//! Activation functions and their derivatives.

use super::{MARGIN, fit_paper, heading, number};
use crate::drawing::{Anchor, Drawing, Hue, Ink, Path, Stroke, Text};

/// Where the derivative is smaller, hardly anything is learnt.
pub(super) const SATURATED: f64 = 0.05;
/// Panels in a row.
const COLUMNS: usize = 4;
const WIDTH: f64 = 230.0;
const HEIGHT: f64 = 206.0;
/// Place around the axes of a panel: left, top, right, bottom.
const AROUND: [f64; 4] = [34.0, 34.0, 14.0, 28.0];

/// A function, sampled.
#[derive(Debug, Clone, PartialEq)]
pub struct ActivationCurve {
    /// Keras's name.
    pub name: String,
    /// Where it was sampled, from left to right.
    pub x: Vec<f64>,
    /// Its values there.
    pub y: Vec<f64>,
    /// Its derivatives there.
    pub derivative: Vec<f64>,
}

impl ActivationCurve {
    /// From where to where the function is saturated: its derivative is smaller than 0.05 in size. Where a
    /// derivative only passes 0 on its way to the other sign there is a minimum, no saturation.
    pub fn saturated(&self) -> Vec<[f64; 2]> {
        let is_flat = |i: &usize| self.derivative[*i].abs() < SATURATED;
        let n = self.x.len().min(self.derivative.len());
        let (mut regions, mut start) = (Vec::new(), 0);
        while start < n {
            let end = (start..n).find(|i| !is_flat(i)).unwrap_or(n);
            // A single sample is no region.
            if 1 < end.saturating_sub(start) {
                let is_inside = 0 < start && end < n;
                let passes = is_inside && self.derivative[start - 1] * self.derivative[end] < 0.0;
                if !passes {
                    regions.push([self.x[start], self.x[end - 1]]);
                }
            }
            start = end.max(start + 1);
        }
        regions
    }
}

/// Draws a panel for each function: the function, its derivative, and where it is saturated.
pub fn activations(curves: &[ActivationCurve]) -> Drawing {
    let columns = curves.len().clamp(1, COLUMNS);
    let rows = curves.len().div_ceil(columns);
    let width = 2.0 * MARGIN + columns.max(3) as f64 * WIDTH;
    let title = "Activation functions and their derivatives";
    let sentences = [
        "An activation bends what a layer has summed up; without it many layers would be no more than \
         one. Training moves weights in proportion to the derivative: where that is nearly 0 (shaded), \
         the function is saturated and hardly anything is learnt.",
    ];
    let described: Vec<String> = curves
        .iter()
        .map(|curve| {
            let regions = curve.saturated();
            let regions: Vec<String> =
                regions.iter().map(|[a, b]| format!("{} to {}", number(*a), number(*b))).collect();
            match regions.is_empty() {
                true => format!("{}: nowhere saturated.", curve.name),
                false => format!("{}: saturated from {}.", curve.name, regions.join(", ")),
            }
        })
        .collect();
    let mut drawing = Drawing::new(width, 0.0, title, described.join(" "));
    drawing.rect([0.0, 0.0, width, 0.0], 0.0, Ink::Paper);
    let mut top = heading(&mut drawing, title, &sentences) + 6.0;
    legend(&mut drawing, top);
    top += 26.0;
    for (i, curve) in curves.iter().enumerate() {
        let (row, column) = (i / columns, i % columns);
        let corner = [MARGIN + column as f64 * WIDTH, top + row as f64 * HEIGHT];
        panel(&mut drawing, curve, corner);
    }
    drawing.height = top + rows as f64 * HEIGHT + MARGIN / 2.0;
    fit_paper(&mut drawing);
    drawing
}

fn function() -> Stroke {
    Stroke::new(Ink::Hue(Hue::Blue), 2.4)
}

fn derivative() -> Stroke {
    Stroke::new(Ink::Hue(Hue::Red), 1.8).dashed(5.0, 4.0)
}

fn legend(drawing: &mut Drawing, y: f64) {
    let mut x = MARGIN;
    for (stroke, text) in [(function(), "the function"), (derivative(), "its derivative")] {
        drawing.line(Path::lines([[x, y], [x + 26.0, y]]), stroke);
        drawing.text(Text::new(x + 33.0, y + 4.0, 12.0, text));
        x += 135.0;
    }
    drawing.rect([x, y - 7.0, 26.0, 14.0], 2.0, Ink::Soft(Hue::Orange));
    drawing.text(Text::new(
        x + 33.0,
        y + 4.0,
        12.0,
        "saturated: the derivative is below 0.05 in size",
    ));
}

fn panel(drawing: &mut Drawing, curve: &ActivationCurve, [left, top]: [f64; 2]) {
    let [x0, y0] = [left + AROUND[0], top + AROUND[1]];
    let (width, height) = (WIDTH - AROUND[0] - AROUND[2], HEIGHT - AROUND[1] - AROUND[3]);
    let (from, to) =
        (curve.x.first().copied().unwrap_or(0.0), curve.x.last().copied().unwrap_or(1.0));
    // Those that grow without end are cut off; `relu6` ends at 6.
    let values = || curve.y.iter().chain(&curve.derivative).copied().filter(|v| v.is_finite());
    let low = values().fold(-0.3, f64::min).max(-4.0);
    let high = values().fold(1.2, f64::max);
    let high = if high <= 6.0 { high } else { 4.0 };
    let (low, high) = (low - 0.06 * (high - low), high + 0.06 * (high - low));
    let at_x = |x: f64| x0 + (x - from) / (to - from) * width;
    let at_y = |y: f64| y0 + (high - y) / (high - low) * height;

    let text = Text::new(x0, top + 22.0, 13.5, &curve.name);
    drawing.text(text.bold());
    drawing.framed([x0, y0, width, height], 0.0, Some(Ink::Panel), Stroke::new(Ink::Rule, 1.0));
    for [a, b] in curve.saturated() {
        drawing.rect([at_x(a), y0, at_x(b) - at_x(a), height], 0.0, Ink::Soft(Hue::Orange));
    }
    let step = if 6.0 < high - low { 2.0 } else { 1.0 };
    let mut tick = (low / step).ceil() * step;
    while tick <= high {
        let y = at_y(tick);
        let ink = if tick == 0.0 { Ink::Edge } else { Ink::Rule };
        drawing.line(Path::lines([[x0, y], [x0 + width, y]]), Stroke::new(ink, 1.0));
        let text = Text::new(x0 - 6.0, y + 4.0, 10.5, number(tick));
        drawing.text(text.anchor(Anchor::End).ink(Ink::Muted));
        tick += step;
    }
    let mut tick = (from / 2.0).ceil() * 2.0;
    while tick <= to {
        let x = at_x(tick);
        let ink = if tick == 0.0 { Ink::Edge } else { Ink::Rule };
        drawing.line(Path::lines([[x, y0], [x, y0 + height]]), Stroke::new(ink, 1.0));
        let text = Text::new(x, y0 + height + 15.0, 10.5, number(tick));
        drawing.text(text.anchor(Anchor::Middle).ink(Ink::Muted));
        tick += 2.0;
    }
    for (values, stroke) in [(&curve.y, function()), (&curve.derivative, derivative())] {
        for points in pieces(&curve.x, values, low, high) {
            let points: Vec<[f64; 2]> =
                points.into_iter().map(|[x, y]| [at_x(x), at_y(y)]).collect();
            drawing.line(Path::lines(thinned(&points)), stroke);
        }
    }
}

/// Those of `points` that the eye needs: the others lie within a twentieth of a unit of the lines
/// between them (Ramer 1972, Douglas and Peucker 1973).
fn thinned(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let (Some(&first), Some(&last)) = (points.first(), points.last()) else { return Vec::new() };
    let (dx, dy) = (last[0] - first[0], last[1] - first[1]);
    let length = dx.hypot(dy).max(f64::MIN_POSITIVE);
    let far = |at: &[f64; 2]| ((at[0] - first[0]) * dy - (at[1] - first[1]) * dx).abs() / length;
    let farthest = (0..points.len()).max_by(|&a, &b| far(&points[a]).total_cmp(&far(&points[b])));
    match farthest.filter(|&i| 0.05 < far(&points[i])) {
        Some(i) => {
            let mut kept = thinned(&points[..=i]);
            kept.pop();
            kept.extend(thinned(&points[i..]));
            kept
        }
        None => vec![first, last],
    }
}

/// A curve in pieces: cut where it leaves the panel and where it jumps.
fn pieces(x: &[f64], y: &[f64], low: f64, high: f64) -> Vec<Vec<[f64; 2]>> {
    let mut pieces: Vec<Vec<[f64; 2]>> = Vec::new();
    let mut is_open = false;
    let mut before: Option<f64> = None;
    for (&x, &y) in x.iter().zip(y) {
        let is_inside = (low..=high).contains(&y);
        let jumps = before.is_some_and(|before| 0.3 < (y - before).abs());
        before = Some(y);
        match pieces.last_mut().filter(|_| is_open && is_inside && !jumps) {
            Some(piece) => piece.push([x, y]),
            None if is_inside => pieces.push(vec![[x, y]]),
            None => {}
        }
        is_open = is_inside;
    }
    pieces.retain(|piece| 1 < piece.len());
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drawing::Theme;

    fn relu() -> ActivationCurve {
        let x: Vec<f64> = (-40..=40).map(|i| f64::from(i) / 10.0).collect();
        let y = x.iter().map(|&x| x.max(0.0)).collect();
        let derivative = x.iter().map(|&x| if 0.0 < x { 1.0 } else { 0.0 }).collect();
        ActivationCurve { name: "relu".to_owned(), x, y, derivative }
    }

    #[test]
    fn flat_parts_are_saturated() {
        assert_eq!(relu().saturated(), [[-4.0, 0.0]]);
        let mut parabola = relu();
        parabola.derivative = parabola.x.iter().map(|x| x / 10.0).collect();
        assert!(parabola.saturated().is_empty());
        let drawing = activations(&[relu()]);
        assert!(drawing.description.contains("relu: saturated from −4 to 0."));
        assert!(drawing.to_svg(Theme::Auto).contains("class=\"f-soft-orange\""));
    }

    #[test]
    fn straight_lines_need_two_points() {
        let bent: Vec<[f64; 2]> = (0..=20).map(|i| [f64::from(i), f64::from(i.max(8))]).collect();
        assert_eq!(thinned(&bent), [[0.0, 8.0], [8.0, 8.0], [20.0, 20.0]]);
        let arc: Vec<[f64; 2]> =
            (0..=100).map(|i| f64::from(i) / 50.0).map(|t| [90.0 * t, 40.0 * t * t]).collect();
        let kept = thinned(&arc);
        assert!(8 < kept.len() && kept.len() < 40, "{}", kept.len());
        assert!(thinned(&[]).is_empty());
    }

    #[test]
    fn curves_are_cut_where_they_jump() {
        let relu = relu();
        assert_eq!(pieces(&relu.x, &relu.derivative, -1.0, 4.0).len(), 2);
        assert_eq!(pieces(&relu.x, &relu.y, -1.0, 2.0).len(), 1);
    }
}
