use std::fmt::Write;

use cornu_stats::{CalibrationBin, Interval, wilson_interval};

use super::Chart;
use super::axes::{Axes, Ticks};
use super::text::{at, label};

const SIDE: f64 = 278.0;

/// How often what was predicted came true, over the diagonal of perfect calibration. The area of a
/// dot is its number of samples, whiskers are 95 % intervals (Wilson).
pub fn calibration(class: &str, bins: &[CalibrationBin]) -> Chart {
    let axes =
        Axes { left: 58.0, top: 40.0, width: SIDE, height: SIDE, x: (0.0, 1.0), y: (0.0, 1.0) };
    let ticks = Ticks::within(0.0, 1.0, 5);
    let mut body = label(12.0, 22.0, "class=\"title\"", "Calibration");
    body +=
        &axes.draw(&ticks, &ticks, &format!("predicted probability of {class}"), "true fraction");
    let _ = writeln!(
        body,
        "<polyline class=\"reference\" points=\"{}\"/>",
        axes.points([(0.0, 0.0), (1.0, 1.0)])
    );
    let largest = bins.iter().map(|bin| bin.samples).max().unwrap_or(1) as f64;
    for bin in bins {
        let Ok(Interval { low, high }) = wilson_interval(bin.positives, bin.samples) else {
            continue;
        };
        let x = at(axes.at_x(bin.mean_predicted));
        let _ = writeln!(
            body,
            "<line class=\"whisker l0\" x1=\"{x}\" y1=\"{}\" x2=\"{x}\" y2=\"{}\"/>",
            at(axes.at_y(low)),
            at(axes.at_y(high))
        );
    }
    for bin in bins {
        let _ = writeln!(
            body,
            "<circle class=\"dot f0\" cx=\"{}\" cy=\"{}\" r=\"{}\"><title>{} samples, predicted \
             {:.2}, true {:.2}</title></circle>",
            at(axes.at_x(bin.mean_predicted)),
            at(axes.at_y(bin.fraction_positive)),
            at(3.5 + 6.0 * (bin.samples as f64 / largest).sqrt()),
            bin.samples,
            bin.mean_predicted,
            bin.fraction_positive
        );
    }
    let words: Vec<String> = bins
        .iter()
        .map(|bin| {
            let (p, q) = (bin.mean_predicted, bin.fraction_positive);
            format!("{p:.2} predicted, {q:.2} true ({} samples)", bin.samples)
        })
        .collect();
    Chart {
        title: "Calibration".to_owned(),
        description: format!("True fraction against predicted probability: {}", words.join("; ")),
        width: 360.0,
        height: axes.bottom() + 46.0,
        body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bin_is_a_dot_with_a_whisker() {
        let bin = CalibrationBin {
            mean_predicted: 0.5,
            fraction_positive: 1.0,
            samples: 4,
            positives: 4,
        };
        let svg = calibration("a<b", &[bin]).inline();
        assert!(
            svg.contains("cx=\"197\" cy=\"40\" r=\"9.5\"") && svg.contains("of a&lt;b"),
            "{svg}"
        );
        assert_eq!(svg.matches("class=\"whisker").count(), 1);
    }
}
