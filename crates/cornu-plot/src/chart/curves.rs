use std::fmt::Write;

use cornu_stats::{Interval, PrecisionRecallCurve, RocCurve};

use super::Chart;
use super::axes::{Axes, Ticks};
use super::style::COLOURS;
use super::text::{at, label, shortened};

const WIDTH: f64 = 360.0;
/// Side of the square in which curves are drawn.
const SIDE: f64 = 278.0;
const LEFT: f64 = 58.0;
const TOP: f64 = 40.0;
/// Height of a line of the legend.
const ROW: f64 = 19.0;

/// What a curve is of, and what is said of its area.
#[derive(Debug, Clone, PartialEq)]
pub struct CurveLabel {
    /// Name of the class.
    pub name: String,
    /// Area under the curve, or average precision.
    pub area: f64,
    /// Its 95 % interval, if known.
    pub interval: Option<Interval>,
}

impl CurveLabel {
    fn text(&self, what: &str) -> String {
        let interval = self.interval.map_or_else(String::new, |Interval { low, high }| {
            format!(" ({low:.3}\u{2013}{high:.3})")
        });
        format!("{}: {what} {:.3}{interval}", shortened(&self.name, 16), self.area)
    }
}

/// A curve for [`roc`].
#[derive(Debug, Clone, PartialEq)]
pub struct Roc<'a> {
    /// Name and area.
    pub label: CurveLabel,
    /// The curve.
    pub curve: &'a RocCurve,
    /// The 95 % interval of the true positive rate at false positive rates; may be empty.
    pub band: Vec<(f64, Interval)>,
}

/// A curve for [`precision_recall`].
#[derive(Debug, Clone, PartialEq)]
pub struct PrecisionRecall<'a> {
    /// Name and average precision.
    pub label: CurveLabel,
    /// The curve.
    pub curve: &'a PrecisionRecallCurve,
    /// Part of the samples that are positive: the precision of guessing.
    pub prevalence: f64,
}

/// ROC curves in one chart, over the diagonal of guessing.
pub fn roc(curves: &[Roc<'_>]) -> Chart {
    let axes = square();
    let mut body = begun(&axes, "ROC curve", "1 \u{2212} specificity", "sensitivity");
    let _ = writeln!(
        body,
        "<polyline class=\"reference\" points=\"{}\"/>",
        axes.points([(0.0, 0.0), (1.0, 1.0)])
    );
    for (index, curve) in curves.iter().enumerate() {
        let colour = index % COLOURS;
        let lower = curve.band.iter().map(|(x, interval)| (*x, interval.low));
        let upper = curve.band.iter().rev().map(|(x, interval)| (*x, interval.high));
        if 1 < curve.band.len() {
            let around = axes.points(lower.chain(upper));
            let _ = writeln!(body, "<polygon class=\"band f{colour}\" points=\"{around}\"/>");
        }
        let points = axes.points(curve.curve.corners());
        let _ = writeln!(body, "<polyline class=\"line l{colour}\" points=\"{points}\"/>");
    }
    let labels: Vec<String> = curves.iter().map(|curve| curve.label.text("AUC")).collect();
    finished("ROC curve", "sensitivity against 1 − specificity", body, &axes, &labels)
}

/// Curves of precision against recall in one chart, each over the precision of guessing.
pub fn precision_recall(curves: &[PrecisionRecall<'_>]) -> Chart {
    let axes = square();
    let mut body = begun(&axes, "Precision and recall", "recall (sensitivity)", "precision (PPV)");
    for (index, curve) in curves.iter().enumerate() {
        let colour = index % COLOURS;
        if curves.len() == 1 {
            let guessing = axes.points([(0.0, curve.prevalence), (1.0, curve.prevalence)]);
            let _ = writeln!(body, "<polyline class=\"reference\" points=\"{guessing}\"/>");
        }
        let points = axes.points(steps(curve.curve));
        let _ = writeln!(body, "<polyline class=\"line l{colour}\" points=\"{points}\"/>");
    }
    let labels: Vec<String> = curves.iter().map(|curve| curve.label.text("AP")).collect();
    finished("Precision and recall", "precision against recall", body, &axes, &labels)
}

/// From recall 0 up, as the steps whose area is the average precision.
fn steps(curve: &PrecisionRecallCurve) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    for i in (0..curve.thresholds.len()).rev() {
        // Thresholds that find nothing new add no step.
        if curve.recall[i] == curve.recall[i + 1] {
            continue;
        }
        let (from, to, precision) = (curve.recall[i + 1], curve.recall[i], curve.precision[i]);
        if points.last().is_none_or(|&(_, y)| y != precision) {
            points.push((from, precision));
        } else {
            points.pop();
        }
        points.push((to, precision));
    }
    points
}

fn square() -> Axes {
    Axes { left: LEFT, top: TOP, width: SIDE, height: SIDE, x: (0.0, 1.0), y: (0.0, 1.0) }
}

fn begun(axes: &Axes, title: &str, x_name: &str, y_name: &str) -> String {
    let ticks = Ticks::within(0.0, 1.0, 5);
    label(12.0, 22.0, "class=\"title\"", title) + &axes.draw(&ticks, &ticks, x_name, y_name)
}

/// With the legend below.
fn finished(title: &str, what: &str, mut body: String, axes: &Axes, labels: &[String]) -> Chart {
    let first = axes.bottom() + 60.0;
    for (index, text) in labels.iter().enumerate() {
        let y = first + ROW * index as f64;
        let _ = writeln!(
            body,
            "<line class=\"line l{0}\" x1=\"{1}\" y1=\"{3}\" x2=\"{2}\" y2=\"{3}\"/>",
            index % COLOURS,
            at(LEFT),
            at(LEFT + 20.0),
            at(y - 4.0)
        );
        body += &label(LEFT + 28.0, y, "class=\"strong\"", text);
    }
    Chart {
        title: title.to_owned(),
        description: format!("Curves of {what}: {}", labels.join("; ")),
        width: WIDTH,
        height: first + ROW * labels.len().saturating_sub(1) as f64 + 14.0,
        body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCORES: [f64; 4] = [0.1, 0.4, 0.35, 0.8];
    const POSITIVE: [bool; 4] = [false, false, true, true];

    fn label() -> CurveLabel {
        let interval = Some(Interval { low: 0.5, high: 1.0 });
        CurveLabel { name: "effusion".to_owned(), area: 0.75, interval }
    }

    #[test]
    fn a_roc_curve_turns_where_it_should() {
        let curve = RocCurve::new(&SCORES, &POSITIVE).unwrap();
        let band =
            vec![(0.0, Interval { low: 0.0, high: 0.5 }), (1.0, Interval { low: 1.0, high: 1.0 })];
        let chart = roc(&[Roc { label: label(), curve: &curve, band }]);
        let svg = chart.inline();
        assert!(svg.contains("points=\"58,318 58,179 197,179 197,40 336,40\""), "{svg}");
        assert!(
            svg.contains("<polygon class=\"band f0\" points=\"58,318 336,40 336,40 58,179\""),
            "{svg}"
        );
        assert!(chart.description.contains("effusion: AUC 0.750 (0.500–1.000)"));
    }

    #[test]
    fn precision_and_recall_are_steps() {
        let curve = PrecisionRecallCurve::new(&SCORES, &POSITIVE).unwrap();
        let third = 2.0 / 3.0;
        assert_eq!(steps(&curve), [(0.0, 1.0), (0.5, 1.0), (0.5, third), (1.0, third)]);
        let svg =
            precision_recall(&[PrecisionRecall { label: label(), curve: &curve, prevalence: 0.5 }]);
        assert!(svg.inline().contains("AP 0.750"));
    }
}
