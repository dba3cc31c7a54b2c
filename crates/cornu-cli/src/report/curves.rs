use std::fmt::Write;

/// Size of a diagram in pixels.
const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 260.0;
/// Room for the numbers at the axes.
const LEFT: f64 = 46.0;
const BOTTOM: f64 = 28.0;
const TOP: f64 = 24.0;
const RIGHT: f64 = 12.0;
/// Colours that colour-blind people tell apart (Okabe and Ito 2008).
const COLOURS: [&str; 2] = ["#0072b2", "#d55e00"];

/// A line of a diagram: a value for each epoch.
pub(super) struct Curve<'a> {
    pub(super) name: &'a str,
    pub(super) values: &'a [f64],
}

/// Curves over the epochs as inline SVG; what is not finite is left out.
pub(super) fn diagram(title: &str, curves: &[Curve<'_>]) -> String {
    let finite = || curves.iter().flat_map(|c| c.values).copied().filter(|v| v.is_finite());
    let low = finite().fold(f64::INFINITY, f64::min);
    let high = finite().fold(f64::NEG_INFINITY, f64::max);
    let (low, high) = if low < high { (low, high) } else { (low - 0.5, low + 0.5) };
    let n = curves.iter().map(|curve| curve.values.len()).max().unwrap_or(0);
    if n == 0 || !low.is_finite() {
        return String::new();
    }
    let x = |epoch: usize| LEFT + (WIDTH - LEFT - RIGHT) * epoch as f64 / (n - 1).max(1) as f64;
    let y = |value: f64| TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low);
    let mut svg = format!(
        "<svg role=\"img\" aria-label=\"{title}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <text x=\"{LEFT}\" y=\"14\" font-weight=\"bold\">{title}</text>\n"
    );
    for i in 0..=4 {
        let value = low + (high - low) * f64::from(i) / 4.0;
        let at = y(value);
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" y1=\"{at:.1}\" x2=\"{:.1}\" y2=\"{at:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{value:.2}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            at + 4.0
        );
    }
    let base = HEIGHT - 8.0;
    let _ = writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"{base}\">epoch 1</text>\
         <text x=\"{:.1}\" y=\"{base}\" text-anchor=\"end\">{n}</text>",
        WIDTH - RIGHT
    );
    for (index, (curve, colour)) in curves.iter().zip(COLOURS).enumerate() {
        let points: Vec<String> = curve
            .values
            .iter()
            .enumerate()
            .filter(|(_, value)| value.is_finite())
            .map(|(epoch, &value)| format!("{:.1},{:.1}", x(epoch), y(value)))
            .collect();
        let _ = writeln!(
            svg,
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\" points=\"{}\"/>\
             <text x=\"{:.1}\" y=\"14\" fill=\"{colour}\">{}</text>",
            points.join(" "),
            WIDTH - RIGHT - 160.0 + 80.0 * index as f64,
            curve.name
        );
    }
    svg.push_str("</svg>\n");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_stay_inside_and_nothing_is_drawn_of_nothing() {
        assert_eq!(diagram("loss", &[]), "");
        assert_eq!(diagram("loss", &[Curve { name: "train", values: &[f64::NAN] }]), "");
        let svg = diagram("loss", &[Curve { name: "train", values: &[1.0, f64::NAN, 3.0] }]);
        assert!(svg.contains("points=\"46.0,232.0 448.0,24.0\""), "{svg}");
        // One epoch, one value: no division by zero.
        assert!(!diagram("loss", &[Curve { name: "train", values: &[2.0] }]).contains("NaN"));
    }
}
