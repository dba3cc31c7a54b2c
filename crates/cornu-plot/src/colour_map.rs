//! Colour maps: from a number to a colour, in steps that look equal to every reader.

use std::sync::OnceLock;

/// Number of colours in a table.
const COLOURS: usize = 256;

/// A colour map, computed in OKLab (Björn Ottosson, "A perceptual color space for image processing",
/// 2020, public domain) for this crate: a path of colours is laid through that space and divided into
/// 255 steps of equal length, so that equal differences of numbers look like equal differences.
///
/// | map | for | lightness |
/// |---|---|---|
/// | [`Ember`](Self::Ember) | amounts, on dark pictures: heat maps | rises from black to pale yellow |
/// | [`Lagoon`](Self::Lagoon) | amounts, on paper: kernels, feature maps, tables | rises from dark blue to yellow |
/// | [`BlueOrange`](Self::BlueOrange) | signed numbers; 0 is the middle | highest in the middle, falls evenly to both sides |
///
/// Lightness alone tells the numbers apart in the first two, for readers with any kind of colour
/// vision and in grey print; blue and orange are kept apart by all common kinds of colour blindness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColourMap {
    /// Black, purple, red, orange, pale yellow.
    #[default]
    Ember,
    /// Dark blue, teal, green, yellow.
    Lagoon,
    /// Blue below, near white in the middle, orange above.
    BlueOrange,
}

impl ColourMap {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ember, Self::Lagoon, Self::BlueOrange];

    /// Red, green and blue for `t` from 0 to 1; what lies outside has the colour of the nearest end,
    /// NaN that of 0.
    pub fn at(self, t: f32) -> [u8; 3] {
        let last = (COLOURS - 1) as f32;
        // A cast of NaN gives 0.
        self.table()[(t.clamp(0.0, 1.0) * last).round() as usize]
    }

    /// The 256 colours from 0 to 1.
    pub fn table(self) -> &'static [[u8; 3]; 256] {
        static TABLES: [OnceLock<[[u8; 3]; COLOURS]>; 3] = [const { OnceLock::new() }; 3];
        TABLES[self as usize].get_or_init(|| match self {
            Self::Ember => evenly(EMBER),
            Self::Lagoon => evenly(LAGOON),
            Self::BlueOrange => {
                let (blue, orange) = (evenly(BLUE), evenly(ORANGE));
                std::array::from_fn(|i| {
                    // Both arms begin in the middle, which lies between two colours.
                    let distance = (2 * i).abs_diff(COLOURS - 1);
                    if 2 * i < COLOURS - 1 { blue[distance] } else { orange[distance] }
                })
            }
        })
    }

    /// Whether the middle of the map stands for 0.
    pub fn is_diverging(self) -> bool {
        self == Self::BlueOrange
    }

    /// The map as a CSS gradient from left to right, for a colour bar in a page.
    pub fn css(self) -> String {
        let stop = |i: usize| {
            let [r, g, b] = self.table()[i];
            format!("#{r:02x}{g:02x}{b:02x}")
        };
        let stops: Vec<String> = (0..=15).map(|i| stop(17 * i)).collect();
        format!("linear-gradient(to right, {})", stops.join(", "))
    }
}

/// A point of a path: lightness, chroma, hue in degrees.
type Point = (f64, f64, f64);

const EMBER: &[Point] = &[
    (0.06, 0.02, 285.0),
    (0.24, 0.11, 300.0),
    (0.42, 0.155, 345.0),
    (0.58, 0.18, 385.0),
    (0.74, 0.15, 415.0),
    (0.88, 0.12, 445.0),
    (0.98, 0.06, 465.0),
];

const LAGOON: &[Point] = &[
    (0.22, 0.07, 285.0),
    (0.36, 0.10, 265.0),
    (0.52, 0.085, 215.0),
    (0.68, 0.11, 170.0),
    (0.82, 0.15, 130.0),
    (0.93, 0.15, 106.0),
];

const BLUE: &[Point] = &[(0.97, 0.0, 255.0), (0.72, 0.09, 255.0), (0.47, 0.11, 255.0)];
const ORANGE: &[Point] = &[(0.97, 0.0, 50.0), (0.72, 0.09, 50.0), (0.47, 0.11, 50.0)];

/// `COLOURS` colours at equal distances along the smooth path through `points`.
fn evenly(points: &[Point]) -> [[u8; 3]; COLOURS] {
    const FINE: usize = 4096;
    let path: Vec<[f64; 3]> =
        (0..=FINE).map(|i| to_lab(along(points, i as f64 / FINE as f64))).collect();
    let mut length = vec![0.0];
    for pair in path.windows(2) {
        length.push(length[length.len() - 1] + distance(pair[0], pair[1]));
    }
    let total = length[FINE];
    std::array::from_fn(|i| {
        let wanted = total * i as f64 / (COLOURS - 1) as f64;
        let at = length.partition_point(|&length| length < wanted).min(FINE);
        to_srgb(path[at])
    })
}

/// The point at `t` from 0 to 1: a cubic through the points (Catmull and Rom) in lightness, chroma
/// and hue.
fn along(points: &[Point], t: f64) -> Point {
    let position = t * (points.len() - 1) as f64;
    let segment = (position as usize).min(points.len() - 2);
    let t = position - segment as f64;
    // Beyond both ends the path goes straight on.
    let point = |i: isize| -> [f64; 3] {
        let last = points.len() as isize - 1;
        let of = |i: isize| <[f64; 3]>::from(points[i as usize]);
        let (inner, end) = if i < 0 { (of(1), of(0)) } else { (of(last - 1), of(last)) };
        if (0..=last).contains(&i) { of(i) } else { [0, 1, 2].map(|k| 2.0 * end[k] - inner[k]) }
    };
    let first = segment as isize - 1;
    let p: [[f64; 3]; 4] = std::array::from_fn(|i| point(first + i as isize));
    let [l, c, h] = [0, 1, 2].map(|k| {
        let linear = p[2][k] - p[0][k];
        let square = 2.0 * p[0][k] - 5.0 * p[1][k] + 4.0 * p[2][k] - p[3][k];
        let cube = 3.0 * (p[1][k] - p[2][k]) + p[3][k] - p[0][k];
        p[1][k] + 0.5 * t * (linear + t * (square + t * cube))
    });
    (l, c.max(0.0), h)
}

fn to_lab((lightness, chroma, hue): Point) -> [f64; 3] {
    let hue = hue.to_radians();
    [lightness, chroma * hue.cos(), chroma * hue.sin()]
}

fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    (0..3).map(|k| (a[k] - b[k]).powi(2)).sum::<f64>().sqrt()
}

/// sRGB of a colour of OKLab; what no screen shows is cut off.
fn to_srgb(lab: [f64; 3]) -> [u8; 3] {
    to_linear(lab).map(|x| {
        let x = x.clamp(0.0, 1.0);
        let x = if x <= 0.003_130_8 { 12.92 * x } else { 1.055 * x.powf(1.0 / 2.4) - 0.055 };
        (255.0 * x).round() as u8
    })
}

/// Ottosson's matrices: OKLab to linear red, green and blue.
fn to_linear([l, a, b]: [f64; 3]) -> [f64; 3] {
    let cube = |x: f64| x * x * x;
    let l_ = cube(l + 0.396_337_777_4 * a + 0.215_803_757_3 * b);
    let m_ = cube(l - 0.105_561_345_8 * a - 0.063_854_172_8 * b);
    let s_ = cube(l - 0.089_484_177_5 * a - 1.291_485_548_0 * b);
    [
        4.076_741_662_1 * l_ - 3.307_711_591_3 * m_ + 0.230_969_929_2 * s_,
        -1.268_438_004_6 * l_ + 2.609_757_401_1 * m_ - 0.341_319_396_5 * s_,
        -0.004_196_086_3 * l_ - 0.703_418_614_7 * m_ + 1.707_614_701_0 * s_,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linear(colour: [u8; 3]) -> [f64; 3] {
        colour.map(|x| {
            let x = f64::from(x) / 255.0;
            if x <= 0.040_45 { x / 12.92 } else { ((x + 0.055) / 1.055).powf(2.4) }
        })
    }

    fn lab([r, g, b]: [f64; 3]) -> [f64; 3] {
        let l = (0.412_221_470_8 * r + 0.536_332_536_3 * g + 0.051_445_992_9 * b).max(0.0).cbrt();
        let m = (0.211_903_498_2 * r + 0.680_699_545_1 * g + 0.107_396_956_6 * b).max(0.0).cbrt();
        let s = (0.088_302_461_9 * r + 0.281_718_837_6 * g + 0.629_978_700_5 * b).max(0.0).cbrt();
        [
            0.210_454_255_3 * l + 0.793_617_785_0 * m - 0.004_072_046_8 * s,
            1.977_998_495_1 * l - 2.428_592_205_0 * m + 0.450_593_709_9 * s,
            0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766_0 * s,
        ]
    }

    /// What readers without one kind of cones see: Machado, Oliveira and Fernandes, "A
    /// physiologically-based model for simulation of color vision deficiency", 2009, severity 1.
    const DEFICIENCIES: [(&str, [[f64; 3]; 3]); 3] = [
        (
            "protan",
            [
                [0.152286, 1.052583, -0.204868],
                [0.114503, 0.786281, 0.099216],
                [-0.003882, -0.048116, 1.051998],
            ],
        ),
        (
            "deutan",
            [
                [0.367322, 0.860646, -0.227968],
                [0.280085, 0.672501, 0.047413],
                [-0.011820, 0.042940, 0.968881],
            ],
        ),
        (
            "tritan",
            [
                [1.255528, -0.076749, -0.178779],
                [-0.078411, 0.930809, 0.147602],
                [0.004733, 0.691367, 0.303900],
            ],
        ),
    ];

    fn seen(matrix: [[f64; 3]; 3], colour: [u8; 3]) -> [f64; 3] {
        let rgb = linear(colour);
        let row = |row: [f64; 3]| (0..3).map(|k| row[k] * rgb[k]).sum::<f64>().clamp(0.0, 1.0);
        lab(matrix.map(row))
    }

    #[test]
    fn every_colour_can_be_shown() {
        for points in [EMBER, LAGOON, BLUE, ORANGE] {
            for i in 0..=1000 {
                let rgb = to_linear(to_lab(along(points, f64::from(i) / 1000.0)));
                assert!(rgb.iter().all(|x| (-0.004..=1.004).contains(x)), "{i}: {rgb:?}");
            }
        }
    }

    #[test]
    fn steps_look_equal() {
        // Tenths of the map or of one side: single steps are smaller than the rounding to 8 bits.
        for map in ColourMap::ALL {
            let side = if map.is_diverging() { COLOURS / 2 } else { COLOURS };
            for colours in map.table().chunks(side) {
                let at = |i: usize| lab(linear(colours[i * (side - 1) / 10]));
                let parts: Vec<f64> = (0..10).map(|i| distance(at(i), at(i + 1))).collect();
                let mean = parts.iter().sum::<f64>() / 10.0;
                for (i, part) in parts.iter().enumerate() {
                    assert!((part / mean - 1.0).abs() < 0.12, "{map:?}, {i}: {part} of {mean}");
                }
            }
        }
    }

    #[test]
    fn lightness_rises_for_every_reader() {
        for map in [ColourMap::Ember, ColourMap::Lagoon] {
            let lightness = |of: &dyn Fn([u8; 3]) -> [f64; 3]| -> Vec<f64> {
                map.table().iter().step_by(5).map(|&colour| of(colour)[0]).collect()
            };
            let rises = |name: &str, values: Vec<f64>| {
                for (i, pair) in values.windows(2).enumerate() {
                    assert!(pair[0] < pair[1], "{map:?}, {name}, from colour {}", 5 * i);
                }
                assert!(0.6 < values[values.len() - 1] - values[0]);
            };
            rises("all cones", lightness(&|colour| lab(linear(colour))));
            for (name, matrix) in DEFICIENCIES {
                rises(name, lightness(&|colour| seen(matrix, colour)));
            }
        }
    }

    #[test]
    fn the_two_sides_are_alike_but_for_their_colour() {
        let table = ColourMap::BlueOrange.table();
        for i in 0..COLOURS / 2 {
            let (low, high) = (lab(linear(table[i])), lab(linear(table[COLOURS - 1 - i])));
            assert!((low[0] - high[0]).abs() < 0.01, "{i}: {low:?} {high:?}");
            assert!(i == 0 || lab(linear(table[i - 1]))[0] <= low[0] + 0.003, "{i}");
        }
        // A quarter of the way from the middle, every reader tells the sides apart.
        for (name, matrix) in DEFICIENCIES {
            let apart = distance(seen(matrix, table[64]), seen(matrix, table[191]));
            assert!(0.08 < apart, "{name}: {apart}");
        }
    }

    #[test]
    fn any_number_has_a_colour() {
        let map = ColourMap::Ember;
        assert_eq!(map.at(-1.0), map.table()[0]);
        assert_eq!(map.at(f32::NAN), map.table()[0]);
        assert_eq!(map.at(f32::INFINITY), map.table()[255]);
        assert!(map.css().starts_with("linear-gradient(to right, #"));
    }
}
