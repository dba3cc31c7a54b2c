use super::{Raster, Sampling, TextSize, fitted, text_width};

const PAPER: [u8; 3] = [255; 3];
const INK: [u8; 3] = [28, 32, 38];
const FAINT: [u8; 3] = [100, 106, 115];

/// Pixels around everything and between pictures.
const MARGIN: usize = 16;

/// Pictures side by side: a row for each subject, a column for each way to show it.
///
/// A row may be shorter than others. Pictures are fitted into squares of one size.
#[derive(Debug, Clone, Default)]
pub struct ContactSheet {
    /// Above everything; none if empty.
    pub title: String,
    /// Below the title, smaller; none if empty.
    pub subtitle: String,
    /// Headings of the columns.
    pub columns: Vec<String>,
    /// Each row: what stands above it, and its pictures with what stands below each.
    pub rows: Vec<(String, Vec<(Raster, String)>)>,
    /// Drawn at the right of the rows, such as a colour bar.
    pub legend: Option<Raster>,
}

impl ContactSheet {
    /// Draws the sheet with pictures of `side` pixels.
    pub fn draw(&self, side: usize) -> Raster {
        let n_columns = self.rows.iter().map(|row| row.1.len()).max().unwrap_or(0);
        let n_columns = n_columns.max(self.columns.len());
        let (small, heading) = (TextSize::Small, TextSize::Heading);
        let legend_width = self.legend.as_ref().map_or(0, |legend| legend.width() + MARGIN);
        let pictures_width = MARGIN + n_columns * (side + MARGIN) + legend_width;
        let width = pictures_width.max(2 * MARGIN + text_width(&self.title, heading).min(900));
        let line = small.height() + 4;
        let has_notes = self.rows.iter().flat_map(|row| &row.1).any(|cell| !cell.1.is_empty());
        let above_row = |label: &str| if label.is_empty() { 0 } else { line };
        let below_picture = if has_notes { line } else { 0 };
        let mut header = MARGIN;
        header += if self.title.is_empty() { 0 } else { heading.height() + 6 };
        header += if self.subtitle.is_empty() { 0 } else { line };
        let titles = if self.columns.is_empty() { 0 } else { TextSize::Medium.height() + 6 };
        let rows_height: usize =
            self.rows.iter().map(|row| above_row(&row.0) + side + below_picture + MARGIN).sum();
        let mut out = Raster::new(width, header + titles + rows_height.max(MARGIN), PAPER);

        let room = width - 2 * MARGIN;
        let mut y = MARGIN;
        if !self.title.is_empty() {
            out.text(MARGIN, y, &fitted(&self.title, heading, room), heading, INK);
            y += heading.height() + 6;
        }
        if !self.subtitle.is_empty() {
            out.text(MARGIN, y, &fitted(&self.subtitle, small, room), small, FAINT);
        }
        y = header;
        let left = |column: usize| MARGIN + column * (side + MARGIN);
        for (column, name) in self.columns.iter().enumerate() {
            // A bold or medium heading that does not fit is better small than cut.
            let size =
                if text_width(name, TextSize::Medium) <= side { TextSize::Medium } else { small };
            out.text_centered(left(column) + side / 2, y, &fitted(name, size, side), size, INK);
        }
        y += titles;
        let top = y;
        for (label, pictures) in &self.rows {
            if !label.is_empty() {
                out.text(MARGIN, y, &fitted(label, small, room), small, FAINT);
                y += line;
            }
            for (column, (picture, note)) in pictures.iter().enumerate() {
                let sampling = if picture.width().max(picture.height()) * 2 <= side {
                    Sampling::Nearest
                } else {
                    Sampling::Smooth
                };
                let picture = picture.fitted_into(side, side, sampling);
                let x = left(column) + (side - picture.width()) / 2;
                out.paste(&picture, x, y + (side - picture.height()) / 2);
                let center = left(column) + side / 2;
                out.text_centered(center, y + side + 2, &fitted(note, small, side), small, FAINT);
            }
            y += side + below_picture + MARGIN;
        }
        if let Some(legend) = &self.legend {
            let first = self.rows.first().map_or(0, |row| above_row(&row.0));
            out.paste(legend, left(n_columns), top + first);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_picture_has_its_place() {
        let red = Raster::new(8, 4, [255, 0, 0]);
        let blue = Raster::new(4, 8, [0, 0, 255]);
        let sheet = ContactSheet {
            title: "Title".to_owned(),
            columns: vec!["a".to_owned(), "b".to_owned(), "c".to_owned()],
            rows: vec![
                ("first".to_owned(), vec![(red.clone(), "note".to_owned()), (blue, String::new())]),
                ("second".to_owned(), vec![(red, String::new())]),
            ],
            ..ContactSheet::default()
        };
        let drawn = sheet.draw(64);
        let count = |colour: [u8; 3]| {
            drawn.pixels().as_chunks::<3>().0.iter().filter(|&&pixel| pixel == colour).count()
        };
        assert_eq!((count([255, 0, 0]), count([0, 0, 255])), (2 * 64 * 32, 64 * 32));
        assert_eq!(drawn.width(), MARGIN + 3 * (64 + MARGIN));
        assert_eq!(ContactSheet::default().draw(10).width(), 2 * MARGIN);
    }
}
