//! Pictures side by side.

use super::{COLOUR_BAR, MARGIN, fit_paper, heading};
use crate::drawing::{Anchor, Drawing, Hue, Ink, Stroke, Text, fitted, wrapped};
use crate::raster::{Overlay, Raster, ValueRange, mixed};

/// Between pictures.
const GAP: f64 = 14.0;
/// Font of headings and labels, and of notes.
const LARGE: f64 = 13.0;
const SMALL: f64 = 11.5;
/// From line to line.
const LINE: f64 = 17.0;
/// Height of the bar below a picture.
const BAR: f64 = 6.0;
/// Widest key of colours.
const KEY: f64 = 240.0;

/// A picture of a [`ContactSheet`].
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// What is shown.
    pub picture: Raster,
    /// A few words below it; none if empty.
    pub note: String,
    /// A part of a bar below it, 0 to 1.
    pub bar: Option<f64>,
}

impl Cell {
    /// A picture with words below it.
    pub fn new(picture: Raster, note: impl Into<String>) -> Self {
        Self { picture, note: note.into(), bar: None }
    }
}

/// A row of a [`ContactSheet`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SheetRow {
    /// Above it, bold; none if empty.
    pub label: String,
    /// Behind the label.
    pub remark: String,
    /// Its pictures; a row may be shorter than others.
    pub cells: Vec<Cell>,
}

/// What the colours of maps that are laid over pictures stand for.
#[derive(Debug, Clone, PartialEq)]
pub struct ColourKey {
    /// How the maps are laid over.
    pub style: Overlay,
    /// Words or a number at the first colour.
    pub low: String,
    /// The same in the middle; none if empty.
    pub middle: String,
    /// The same at the last colour.
    pub high: String,
    /// What it is about, above it; none if empty.
    pub title: String,
}

impl ColourKey {
    /// With the numbers of a range, the middle of one that reaches as far below 0 as above included.
    pub fn of(range: ValueRange, style: Overlay) -> Self {
        let number = |x: f32| super::number(f64::from(x));
        let middle = if style.colours.is_diverging() { "0" } else { "" };
        let (low, high) = (number(range.low), number(range.high));
        Self { style, low, middle: middle.to_owned(), high, title: String::new() }
    }
}

/// Pictures side by side: a row for each subject, a column for each way to show it. Pictures are fitted
/// into squares of one size.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ContactSheet {
    /// Above everything.
    pub title: String,
    /// Sentences below the title.
    pub sentences: Vec<String>,
    /// What is to be seen, for those who cannot see it.
    pub description: String,
    /// Headings of the columns; none if empty.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<SheetRow>,
    /// Keys of colours, below the rows.
    pub keys: Vec<ColourKey>,
}

impl ContactSheet {
    /// Draws the sheet with pictures of `side` units.
    pub fn draw(&self, side: f64) -> Drawing {
        let columns = self.rows.iter().map(|row| row.cells.len()).max().unwrap_or(0);
        let columns = columns.max(self.columns.len()).max(1) as f64;
        let width = 2.0 * MARGIN + columns * (side + GAP) - GAP;
        let mut drawing = Drawing::new(width, 0.0, &self.title, &self.description);
        drawing.rect([0.0, 0.0, width, 0.0], 0.0, Ink::Paper);
        let sentences: Vec<&str> = self.sentences.iter().map(String::as_str).collect();
        let mut y = heading(&mut drawing, &self.title, &sentences);
        if !self.columns.is_empty() {
            y += LINE;
            for (column, name) in self.columns.iter().enumerate() {
                let center = left(column, side) + side / 2.0;
                let text = Text::new(center, y, LARGE, fitted(name, LARGE, true, side)).bold();
                drawing.text(text.anchor(Anchor::Middle));
            }
        }
        y += 10.0;
        for row in &self.rows {
            y = draw_row(&mut drawing, row, side, y);
        }
        drawing.height = self.draw_keys(&mut drawing, y) + MARGIN - GAP;
        fit_paper(&mut drawing);
        drawing
    }

    /// The keys below `y`, side by side as far as there is room; answers where they end.
    fn draw_keys(&self, drawing: &mut Drawing, y: f64) -> f64 {
        let room = drawing.width - 2.0 * MARGIN;
        let width = room.min(KEY);
        let per_row = (((room + 2.0 * MARGIN) / (width + 2.0 * MARGIN)) as usize).max(1);
        let has_titles = self.keys.iter().any(|key| !key.title.is_empty());
        let height = COLOUR_BAR + LINE + GAP + if has_titles { LINE + 4.0 } else { 0.0 };
        for (i, key) in self.keys.iter().enumerate() {
            let x = MARGIN + (i % per_row) as f64 * (width + 2.0 * MARGIN);
            let mut top = y + (i / per_row) as f64 * height;
            if has_titles {
                drawing.text(Text::new(x, top + LINE - 5.0, SMALL, &key.title).ink(Ink::Muted));
                top += LINE + 4.0;
            }
            draw_key(drawing, key, [x, top, width]);
        }
        y + self.keys.len().div_ceil(per_row) as f64 * height
    }
}

fn left(column: usize, side: f64) -> f64 {
    MARGIN + column as f64 * (side + GAP)
}

/// A row below `y`; answers where it ends.
fn draw_row(drawing: &mut Drawing, row: &SheetRow, side: f64, mut y: f64) -> f64 {
    let room = drawing.width - 2.0 * MARGIN;
    if !row.label.is_empty() {
        y += LINE;
        let label = fitted(&row.label, LARGE, true, room);
        drawing.text(Text::new(MARGIN, y - 3.0, LARGE, label).bold());
        y += 3.0;
    }
    for line in wrapped(&row.remark, SMALL, room) {
        y += LINE - 2.0;
        drawing.text(Text::new(MARGIN, y - 4.0, SMALL, line).ink(Ink::Muted));
    }
    if !row.label.is_empty() {
        y += 4.0;
    }
    let (mut has_notes, mut has_bars) = (false, false);
    for (column, cell) in row.cells.iter().enumerate() {
        let x = left(column, side);
        let (width, height) = (cell.picture.width() as f64, cell.picture.height() as f64);
        let scale = side / width.max(height).max(1.0);
        let (width, height) = (width * scale, height * scale);
        let frame = [x + (side - width) / 2.0, y + (side - height) / 2.0, width, height];
        // Few pixels are worth seeing one by one.
        match 2.0 <= scale {
            true => drawing.image(frame, cell.picture.clone()),
            false => drawing.photograph(frame, cell.picture.clone()),
        }
        let mut below = y + side;
        if let Some(part) = cell.bar {
            has_bars = true;
            let line = Stroke::new(Ink::Rule, 1.0);
            drawing.framed([x, below + 6.0, side, BAR], 2.0, Some(Ink::Group), line);
            let part = part.clamp(0.0, 1.0) * side;
            drawing.rect([x, below + 6.0, part, BAR], 2.0, Ink::Hue(Hue::Blue));
            below += 6.0 + BAR;
        }
        if !cell.note.is_empty() {
            has_notes = true;
            let note = fitted(&cell.note, SMALL, false, side);
            let text = Text::new(x + side / 2.0, below + LINE - 2.0, SMALL, note);
            drawing.text(text.anchor(Anchor::Middle));
        }
    }
    y + side + GAP + if has_notes { LINE } else { 0.0 } + if has_bars { 6.0 + BAR } else { 0.0 }
}

/// A strip of the colours as they look on a picture of middle grey.
fn draw_key(drawing: &mut Drawing, key: &ColourKey, [x, y, width]: [f64; 3]) {
    let strip = Raster::from_fn(128, 1, |column, _| {
        let (place, style) = (column as f32 / 127.0, key.style);
        mixed(style.below(128), style.colours.at(place), style.opacity_at(place))
    });
    drawing.photograph([x, y, width, COLOUR_BAR], strip);
    let line = Stroke::new(Ink::Rule, 1.0);
    drawing.framed([x, y, width, COLOUR_BAR], 0.0, None, line);
    for (at, text, anchor) in [
        (x, &key.low, Anchor::Start),
        (x + width / 2.0, &key.middle, Anchor::Middle),
        (x + width, &key.high, Anchor::End),
    ] {
        if !text.is_empty() {
            let text = Text::new(at, y + COLOUR_BAR + LINE - 3.0, SMALL, text);
            drawing.text(text.anchor(anchor));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drawing::Theme;

    #[test]
    fn every_picture_has_its_place() {
        let (red, blue) = ([255, 0, 0], [0, 0, 255]);
        let row = |cells| SheetRow { label: "row".to_owned(), remark: "why".to_owned(), cells };
        let cell = |width, height, colour| Cell::new(Raster::new(width, height, colour), "note");
        let sheet = ContactSheet {
            title: "Title".to_owned(),
            description: "words".to_owned(),
            columns: vec!["a".to_owned(), "b".to_owned(), "c".to_owned()],
            rows: vec![
                row(vec![cell(8, 4, red), Cell { bar: Some(0.5), ..cell(4, 8, blue) }]),
                row(vec![cell(8, 4, red)]),
            ],
            keys: vec![ColourKey::of(ValueRange { low: 0.0, high: 2.5 }, Overlay::default()); 2],
            ..ContactSheet::default()
        };
        let drawing = sheet.draw(64.0);
        assert_eq!(drawing.width, 2.0 * MARGIN + 3.0 * 64.0 + 2.0 * GAP);
        let drawn = drawing.to_pixels(Theme::Light, 1.0);
        let count = |colour: [u8; 3]| {
            drawn.pixels().as_chunks::<3>().0.iter().filter(|&&pixel| pixel == colour).count()
        };
        assert_eq!((count(red), count(blue)), (2 * 64 * 32, 64 * 32));
        let svg = drawing.to_svg(Theme::Auto);
        for part in ["<desc>words</desc>", ">note</text>", ">2.5</text>", ">why</text>"] {
            assert!(svg.contains(part), "{part}");
        }
        ContactSheet::default().draw(10.0).to_png(Theme::Dark, 1.0).unwrap();
    }
}
