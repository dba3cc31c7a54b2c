//! A table with Rich's border `HEAVY_HEAD` and lines between rows.

/// A column: `width` characters between the spaces at the borders.
pub(super) struct Column {
    pub(super) title: &'static str,
    pub(super) justify: Justify,
    pub(super) width: usize,
}

/// Where the text of a cell lies.
#[derive(Clone, Copy)]
pub(super) enum Justify {
    Left,
    Right,
    Center,
}

/// The lines of the table.
pub(super) fn table(columns: &[Column], rows: &[Vec<String>]) -> Vec<String> {
    let border = |left: char, line: char, middle: char, right: char| {
        let cells: Vec<String> =
            columns.iter().map(|c| line.to_string().repeat(c.width + 2)).collect();
        format!("{left}{}{right}", cells.join(&middle.to_string()))
    };
    let titles: Vec<String> = columns.iter().map(|c| c.title.to_owned()).collect();
    let mut lines = vec![border('┏', '━', '┳', '┓')];
    lines.extend(row(columns, &titles, '┃'));
    lines.push(border('┡', '━', '╇', '┩'));
    for (i, cells) in rows.iter().enumerate() {
        if 0 < i {
            lines.push(border('├', '─', '┼', '┤'));
        }
        lines.extend(row(columns, cells, '│'));
    }
    lines.push(border('└', '─', '┴', '┘'));
    lines
}

/// The lines of one row: as many as its highest cell has.
fn row(columns: &[Column], cells: &[String], border: char) -> Vec<String> {
    let wrapped: Vec<Vec<String>> =
        columns.iter().zip(cells).map(|(column, text)| wrap(text, column.width)).collect();
    let height = wrapped.iter().map(Vec::len).max().unwrap_or(0);
    let line = |i: usize| {
        let mut line = border.to_string();
        for (column, cell) in columns.iter().zip(&wrapped) {
            let text = cell.get(i).map_or("", String::as_str);
            line += &format!(" {} {border}", justified(text, column));
        }
        line
    };
    (0..height).map(line).collect()
}

fn justified(text: &str, column: &Column) -> String {
    let width = column.width;
    match column.justify {
        Justify::Left => format!("{text:<width$}"),
        Justify::Right => format!("{text:>width$}"),
        Justify::Center => {
            let before = (width - text.chars().count()) / 2;
            format!("{:before$}{text:<rest$}", "", rest = width - before)
        }
    }
}

/// Breaks `text` at spaces into lines of at most `width` characters; a longer word is cut with `…`.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in words(text) {
        let n_word = word.trim_end().chars().count();
        let fits = line.chars().count() + n_word <= width;
        if !fits && !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        line += word;
    }
    lines.push(line);
    lines.iter().map(|line| cut(line.trim_end(), width)).collect()
}

/// Words with the spaces after them; the first one also with those before it.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = 0;
    let mut before = ' ';
    for (i, c) in text.char_indices() {
        let begins_word = c != ' ' && before == ' ';
        if begins_word && !text[start..i].trim().is_empty() {
            words.push(&text[start..i]);
            start = i;
        }
        before = c;
    }
    words.push(&text[start..]);
    words
}

fn cut(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    line.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_wraps_at_spaces_and_long_words_are_cut() {
        assert_eq!(wrap("tower[0][0], tower[1][0]", 17), ["tower[0][0],", "tower[1][0]"]);
        assert_eq!(wrap("   └ conv2d (Conv2D)", 20), ["   └ conv2d (Conv2D)"]);
        assert_eq!(wrap("Trainable", 7), ["Traina…"]);
        assert_eq!(wrap("ab abcdefghijk ab", 5), ["ab", "abcd…", "ab"]);
        assert_eq!(wrap("", 5), [""]);
    }
}
