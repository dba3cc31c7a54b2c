use std::fmt::Write;
use std::io::IsTerminal;

use cornu::model::callbacks::{ProgressEvent, ProgressReport};
use indicatif::{ProgressBar, ProgressStyle};

use super::curves::Curves;
use crate::{interrupt, output};

/// Narrower terminals show no curves, ...
const NARROWEST: usize = 40;
/// ... and wider ones two beside each other.
const TWO_PLOTS: usize = 84;
/// A plot is at most so wide.
const WIDEST: usize = 72;

/// Shows how far training is: on a terminal a bar, the curves and the time left, drawn over in place;
/// else a line for each epoch.
pub(crate) struct ProgressDisplay {
    bar: Option<ProgressBar>,
    coloured: bool,
    /// Values of all epochs by log, in the order of their names.
    logs: Vec<(String, Vec<f64>)>,
}

impl ProgressDisplay {
    pub(crate) fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            // All lines are composed here.
            let style = ProgressStyle::with_template("{msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        // As https://no-color.org asks; the terminal itself may have none either.
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { bar, coloured: !is_set("NO_COLOR") && !is_dumb, logs: Vec::new() }
    }

    /// Values of the epochs that were trained before, so that the curves begin with them.
    pub(crate) fn begin_with(&mut self, columns: impl Iterator<Item = (String, Vec<f64>)>) {
        self.logs = columns.collect();
    }

    pub(crate) fn show(&mut self, report: &ProgressReport<'_>) {
        if interrupt::asked() && report.event == ProgressEvent::EpochEnd {
            // Most likely the epoch is not complete.
            return;
        }
        if report.event == ProgressEvent::EpochEnd {
            for (name, &value) in report.logs {
                match self.logs.iter_mut().find(|(known, _)| known == name) {
                    Some((_, values)) => values.push(value),
                    None => self.logs.push((name.clone(), vec![value])),
                }
            }
        }
        match (&self.bar, report.event) {
            (Some(bar), ProgressEvent::TrainEnd) => bar.abandon(),
            (Some(bar), event) => {
                // The last column stays free: some terminals break the line there.
                let width = usize::from(terminal_width()).saturating_sub(1);
                let text = self.view(report, width);
                // Drawn at most so often as indicatif allows (20 times a second), but each end of an
                // epoch.
                bar.set_message(text);
                if event == ProgressEvent::EpochEnd {
                    bar.tick();
                }
            }
            (None, ProgressEvent::EpochEnd) => {
                let epoch = format!("epoch {}/{}", report.epoch + 1, report.epochs);
                output::message(format!("{epoch}{}", values(report)));
            }
            (None, _) => {}
        }
    }

    /// What a terminal of so many columns shows.
    fn view(&self, report: &ProgressReport<'_>, width: usize) -> String {
        let mut lines = self.plots(report.epochs, width);
        lines.push(headline(report, width));
        // Those of validation, which epochs end with, have a line of their own.
        for is_validation in [false, true] {
            let mut text = String::new();
            for (name, value) in report.logs {
                if name.starts_with("val_") == is_validation {
                    write_log(&mut text, name, *value);
                }
            }
            if !text.is_empty() {
                lines.push(text.trim_start().chars().take(width).collect());
            }
        }
        lines.join("\n")
    }

    /// The curves of the loss and of a metric, as far as there is room.
    fn plots(&self, epochs: usize, width: usize) -> Vec<String> {
        let is_own = |name: &str| !name.starts_with("val_") && name != "learning_rate";
        let n_epochs = self.logs.first().map_or(0, |(_, values)| values.len());
        if width < NARROWEST || n_epochs == 0 {
            return Vec::new();
        }
        let of = |name: &str| {
            let found = self.logs.iter().find(|(known, _)| known == name);
            found.map(|(_, values)| values.clone()).unwrap_or_default()
        };
        let metrics = self.logs.iter().map(|(name, _)| name.as_str());
        let metric = metrics.filter(|name| is_own(name) && *name != "loss").min_by_key(|name| {
            // The one that people ask for first.
            ["accuracy", "auc"].iter().position(|known| known == name).unwrap_or(2)
        });
        let names = std::iter::once("loss").chain(metric);
        let n = if width < TWO_PLOTS { 1 } else { 2 };
        let names: Vec<&str> = names.take(n).collect();
        let each = ((width - 2 * (names.len() - 1)) / names.len()).min(WIDEST);
        let plots: Vec<Vec<String>> = names
            .iter()
            .map(|name| {
                let (train, validation) = (of(name), of(&format!("val_{name}")));
                let curves = Curves { name: (*name).to_owned(), train, validation };
                curves.lines(each, epochs, self.coloured)
            })
            .collect();
        let n_lines = plots.first().map_or(0, Vec::len);
        (0..n_lines)
            .map(|line| {
                let parts: Vec<&str> = plots.iter().map(|plot| plot[line].as_str()).collect();
                parts.join("  ")
            })
            .collect()
    }
}

/// Epoch, bar, pace and the time left, in a line of at most `width` columns.
fn headline(report: &ProgressReport<'_>, width: usize) -> String {
    let epoch = format!("epoch {}/{}", report.epoch + 1, report.epochs);
    let pace = pace(report);
    let counts = format!("{}/{}", report.batch, report.batches);
    let room = width.saturating_sub(epoch.len() + counts.len() + pace.chars().count() + 4);
    let length = room.min(40);
    let done = length * report.batch.min(report.batches) / report.batches.max(1);
    let bar = if length < 5 {
        String::new()
    } else {
        format!(" {}{}", "━".repeat(done), "╌".repeat(length - done))
    };
    format!("{epoch}{bar} {counts}{pace}").chars().take(width).collect()
}

/// Columns of the terminal.
fn terminal_width() -> u16 {
    console::Term::stderr().size().1
}

fn pace(report: &ProgressReport<'_>) -> String {
    let (rate, left) = (report.samples_per_second, report.seconds_left.round() as u64);
    let (hours, minutes, seconds) = (left / 3600, left / 60 % 60, left % 60);
    if hours == 0 {
        format!("  {rate:.0} images/s  {minutes}:{seconds:02} left")
    } else {
        format!("  {rate:.0} images/s  {hours}:{minutes:02}:{seconds:02} left")
    }
}

fn write_log(text: &mut String, name: &str, value: f64) {
    let _ = match name {
        "learning_rate" => write!(text, "  {name} {value:.2e}"),
        _ => write!(text, "  {name} {value:.3}"),
    };
}

fn values(report: &ProgressReport<'_>) -> String {
    let mut text = String::new();
    report.logs.iter().for_each(|(name, &value)| write_log(&mut text, name, value));
    text + &pace(report)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cornu::model::Logs;

    fn display() -> ProgressDisplay {
        let columns = [
            ("accuracy", vec![0.5, 0.7]),
            ("auc", vec![0.5, 0.8]),
            ("learning_rate", vec![1e-3, 1e-3]),
            ("loss", vec![0.7, 0.5]),
            ("val_accuracy", vec![0.5, 0.6]),
            ("val_loss", vec![0.7, 0.6]),
        ];
        let mut display = ProgressDisplay { bar: None, coloured: false, logs: Vec::new() };
        display.begin_with(columns.into_iter().map(|(name, values)| (name.to_owned(), values)));
        display
    }

    fn report(logs: &Logs) -> ProgressReport<'_> {
        ProgressReport {
            event: ProgressEvent::BatchEnd,
            epoch: 2,
            epochs: 10,
            batch: 20,
            batches: 40,
            logs,
            samples_per_second: 1234.4,
            seconds_left: 3723.0,
        }
    }

    #[test]
    fn the_view_fits_the_terminal() {
        let logs = Logs::from([("loss".to_owned(), 0.4), ("learning_rate".to_owned(), 1e-3)]);
        for width in [10, 39, 50, 79, 100, 200] {
            let view = display().view(&report(&logs), width);
            assert!(view.lines().all(|line| line.chars().count() <= width), "{width}\n{view}");
        }
        let lines = |width| display().view(&report(&logs), width).lines().count();
        assert_eq!((lines(30), lines(60), lines(100)), (2, 10, 10));
    }

    #[test]
    fn wide_terminals_show_the_loss_and_the_accuracy() {
        let logs = Logs::from([("loss".to_owned(), 0.4), ("learning_rate".to_owned(), 1e-3)]);
        let view = display().view(&report(&logs), 120);
        let lines: Vec<&str> = view.lines().collect();
        assert!(lines[0].contains("loss  ━ training 0.500  ╍ validation 0.600"), "{view}");
        assert!(lines[0].contains("accuracy  ━ training 0.700"), "{view}");
        assert!(
            lines[8].starts_with("epoch 3/10 ━━━") && lines[8].contains(" 20/40  1234 images/s")
        );
        assert!(lines[8].ends_with("1:02:03 left"), "{view}");
        assert_eq!(lines[9], "learning_rate 1.00e-3  loss 0.400");
    }
}
