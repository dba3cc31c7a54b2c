//! Pieces of HTML.

use std::fmt::Write;

use cornu::plot::chart::{Chart, escaped};

/// A heading with what belongs to it.
pub(super) struct Section {
    /// For links within the page.
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    /// HTML.
    pub(super) body: String,
}

/// A table in a frame that scrolls where it is too wide. `head` names the columns; of a row the first
/// cell is its heading. Cells are HTML.
pub(super) struct Table<'a> {
    pub(super) caption: &'a str,
    pub(super) head: &'a [&'a str],
    /// Classes of the table: `words` for cells of text, `dense` for many rows.
    pub(super) class: &'static str,
    pub(super) rows: Vec<Row>,
}

/// A row of a [`Table`].
pub(super) struct Row {
    /// Class of the row: empty, `best` or `sum`.
    pub(super) class: &'static str,
    pub(super) cells: Vec<String>,
}

impl Row {
    pub(super) fn new(cells: Vec<String>) -> Self {
        Self { class: "", cells }
    }
}

impl Table<'_> {
    pub(super) fn html(&self) -> String {
        let label = escaped(self.caption);
        let class = match self.class {
            "" => String::new(),
            class => format!(" class=\"{class}\""),
        };
        let mut html = format!(
            "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{label}\">\n<table{class}>\n\
             <caption>{label}</caption>\n<thead><tr>"
        );
        for name in self.head {
            let _ = write!(html, "<th scope=\"col\">{}</th>", escaped(name));
        }
        html.push_str("</tr></thead>\n<tbody>\n");
        for row in &self.rows {
            let class = if row.class.is_empty() {
                String::new()
            } else {
                format!(" class=\"{}\"", row.class)
            };
            let _ = write!(html, "<tr{class}>");
            for (column, cell) in row.cells.iter().enumerate() {
                let _ = match column {
                    0 => write!(html, "<th scope=\"row\">{cell}</th>"),
                    _ => write!(html, "<td>{cell}</td>"),
                };
            }
            html.push_str("</tr>\n");
        }
        html.push_str("</tbody>\n</table>\n</div>\n");
        html
    }
}

/// Charts side by side, each with a sentence.
pub(super) fn charts(charts: &[(Chart, String)]) -> String {
    charts_beside(charts, "")
}

/// Charts side by side, and beside the last one what else there is: HTML.
pub(super) fn charts_beside(charts: &[(Chart, String)], beside: &str) -> String {
    let mut html = "<div class=\"charts\">\n".to_owned();
    for (chart, caption) in charts {
        let _ = writeln!(html, "<figure>\n{}", chart.inline());
        if !caption.is_empty() {
            let _ = writeln!(html, "<figcaption>{}</figcaption>", escaped(caption));
        }
        html.push_str("</figure>\n");
    }
    html.push_str(beside);
    html.push_str("</div>\n");
    html
}

/// A picture in the page.
pub(super) struct Shown {
    /// Its address, with the pixels in it, and its size.
    pub(super) uri: String,
    pub(super) width: usize,
    pub(super) height: usize,
    /// What is to be seen.
    pub(super) alt: String,
}

impl Shown {
    pub(super) fn html(&self) -> String {
        let Self { uri, width, height, alt } = self;
        let alt = escaped(alt);
        format!("<img src=\"{uri}\" width=\"{width}\" height=\"{height}\" alt=\"{alt}\">")
    }
}

/// Text that is shown as it is, in a frame that scrolls.
pub(super) fn verbatim(label: &str, text: &str) -> String {
    let mut lines = String::new();
    for line in text.lines() {
        lines.push_str(&escaped(line));
        lines.push('\n');
    }
    format!(
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{}\"><pre>{}</pre></div>\n",
        escaped(label),
        lines.trim_end()
    )
}

/// The page.
pub(super) fn page(title: &str, header: &str, sections: &[Section]) -> String {
    let (mut links, mut body) = (String::new(), String::new());
    for Section { id, title, body: content } in sections {
        let _ = write!(links, "<li><a href=\"#{id}\">{title}</a></li>");
        let _ = writeln!(
            body,
            "<section id=\"{id}\" aria-labelledby=\"{id}-title\">\n<h2 id=\"{id}-title\">{title}</h2>\n\
             {content}</section>"
        );
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <title>{title}</title>\n<style>\n{STYLE}{CHARTS}</style>\n</head>\n<body>\n\
         <header>\n{header}</header>\n\
         <nav aria-label=\"Sections\"><ul>{links}</ul></nav>\n<main>\n{body}</main>\n\
         <footer>Made by Cornu {version}. This file needs no others and no network.</footer>\n\
         </body>\n</html>\n",
        title = escaped(title),
        CHARTS = cornu::plot::chart::STYLE,
        version = env!("CARGO_PKG_VERSION")
    )
}

const STYLE: &str = include_str!("style.css");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_become_markup() {
        let table = Table {
            caption: "a<b",
            head: &["<x>"],
            class: "",
            rows: vec![Row::new(vec!["1".into()])],
        };
        let html = table.html();
        assert!(
            html.contains("aria-label=\"a&lt;b\"") && html.contains(">&lt;x&gt;</th>"),
            "{html}"
        );
        assert!(verbatim("a", "<script>\nb").contains("<pre>&lt;script&gt;\nb</pre>"));
        let page = page("<b>", "", &[Section { id: "x", title: "X", body: String::new() }]);
        assert!(page.contains("<title>&lt;b&gt;</title>") && page.contains("href=\"#x\""));
    }
}
