//! Colours by what they mean.

/// Which colours a drawing has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// In SVG those that the reader's system asks for (`prefers-color-scheme`); light where nobody
    /// can be asked.
    #[default]
    Auto,
    /// Dark on white.
    Light,
    /// Light on nearly black.
    Dark,
}

/// Colours that the colour-blind can tell apart, after Okabe and Ito; darker on light paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hue {
    /// Blue.
    Blue,
    /// Orange.
    Orange,
    /// Bluish green.
    Green,
    /// Reddish purple.
    Purple,
    /// Light blue.
    Sky,
    /// Yellow ochre.
    Yellow,
    /// Vermilion.
    Red,
    /// Grey.
    Grey,
}

/// What a shape is painted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ink {
    /// What lies below everything.
    Paper,
    /// Of a box on the paper.
    Panel,
    /// Of a group of boxes.
    Group,
    /// Of thin lines: frames and grids.
    Rule,
    /// Of what is to be read first.
    Text,
    /// Of what is to be read afterwards.
    Muted,
    /// Of arrows and axes.
    Edge,
    /// One of the colours that tell things apart.
    Hue(Hue),
    /// The same nearly faded into the paper, to lie below text.
    Soft(Hue),
    /// Always the same, in any theme.
    Rgb([u8; 3]),
}

impl Ink {
    /// The colour on light paper, or on dark.
    pub fn rgb(self, is_dark: bool) -> [u8; 3] {
        let (light, dark) = match self {
            Self::Paper => (0xffffff, 0x14171c),
            Self::Panel => (0xffffff, 0x1f242c),
            Self::Group => (0xf4f6f9, 0x191d23),
            Self::Rule => (0xd5dae1, 0x3a424e),
            Self::Text => (0x1b1f24, 0xe8ecf1),
            Self::Muted => (0x5b6470, 0xa3adba),
            Self::Edge => (0x7b8592, 0x8d98a6),
            Self::Hue(hue) => hue.strong(),
            Self::Soft(hue) => hue.soft(),
            Self::Rgb(rgb) => return rgb,
        };
        let [_, r, g, b] = u32::to_be_bytes(if is_dark { dark } else { light });
        [r, g, b]
    }

    /// Short name, for the classes of SVG.
    pub(super) fn class(self) -> String {
        match self {
            Self::Paper => "paper".to_owned(),
            Self::Panel => "panel".to_owned(),
            Self::Group => "group".to_owned(),
            Self::Rule => "rule".to_owned(),
            Self::Text => "text".to_owned(),
            Self::Muted => "muted".to_owned(),
            Self::Edge => "edge".to_owned(),
            Self::Hue(hue) => format!("{hue:?}").to_lowercase(),
            Self::Soft(hue) => format!("soft-{hue:?}").to_lowercase(),
            Self::Rgb([r, g, b]) => format!("{r:02x}{g:02x}{b:02x}"),
        }
    }
}

impl Hue {
    fn strong(self) -> (u32, u32) {
        match self {
            Self::Blue => (0x0067a8, 0x4fa8e0),
            Self::Orange => (0xb86e00, 0xe69f00),
            Self::Green => (0x007f5c, 0x2bb58c),
            Self::Purple => (0xa84a82, 0xd98bb8),
            Self::Sky => (0x2f86b5, 0x7cc4ec),
            Self::Yellow => (0x8f7a00, 0xe6d34a),
            Self::Red => (0xc04a00, 0xf0803c),
            Self::Grey => (0x6a7481, 0x97a2b0),
        }
    }

    fn soft(self) -> (u32, u32) {
        match self {
            Self::Blue => (0xe2effa, 0x16303f),
            Self::Orange => (0xfcefd8, 0x3a2c12),
            Self::Green => (0xdcf3ea, 0x12332a),
            Self::Purple => (0xf8e6f0, 0x3a2432),
            Self::Sky => (0xe3f3fc, 0x1a3242),
            Self::Yellow => (0xfaf5cf, 0x37330f),
            Self::Red => (0xfde6d8, 0x402314),
            Self::Grey => (0xeceff3, 0x2a3038),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Contrast of two colours as in WCAG 2.
    fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
        let linear = |c: u8| {
            let c = f64::from(c) / 255.0;
            if c <= 0.03928 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        let luminance = |[r, g, b]: [u8; 3]| {
            0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b) + 0.05
        };
        let (a, b) = (luminance(a), luminance(b));
        if a < b { b / a } else { a / b }
    }

    #[test]
    fn text_can_be_read_on_everything_that_lies_below_it() {
        let hues = [
            Hue::Blue,
            Hue::Orange,
            Hue::Green,
            Hue::Purple,
            Hue::Sky,
            Hue::Yellow,
            Hue::Red,
            Hue::Grey,
        ];
        for is_dark in [false, true] {
            for below in [Ink::Paper, Ink::Panel, Ink::Group] {
                for ink in [Ink::Text, Ink::Muted] {
                    let contrast = contrast(ink.rgb(is_dark), below.rgb(is_dark));
                    assert!(4.5 <= contrast, "{ink:?} on {below:?}, dark {is_dark}: {contrast}");
                }
            }
            for hue in hues {
                let strong = Ink::Hue(hue).rgb(is_dark);
                let contrast = contrast(strong, Ink::Paper.rgb(is_dark));
                assert!(3.0 <= contrast, "{hue:?}, dark {is_dark}: {contrast}");
                let soft = Ink::Soft(hue).rgb(is_dark);
                let contrast = super::tests::contrast(Ink::Text.rgb(is_dark), soft);
                assert!(7.0 <= contrast, "text on soft {hue:?}, dark {is_dark}: {contrast}");
            }
        }
    }
}
