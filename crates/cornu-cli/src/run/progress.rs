use std::fmt::Write;
use std::io::IsTerminal;

use cornu::model::callbacks::{ProgressEvent, ProgressReport};
use indicatif::{ProgressBar, ProgressStyle};

use crate::{interrupt, output};

/// Shows how far training is: a bar on a terminal, else a line for each epoch.
pub(crate) struct ProgressDisplay {
    bar: Option<ProgressBar>,
}

impl ProgressDisplay {
    pub(crate) fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            let style = ProgressStyle::with_template("{prefix} [{bar:24}] {pos}/{len}{msg}");
            bar.set_style(
                style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "),
            );
            bar
        });
        Self { bar }
    }

    pub(crate) fn show(&mut self, report: &ProgressReport<'_>) {
        if interrupt::asked() && report.event == ProgressEvent::EpochEnd {
            // Most likely the epoch is not complete.
            return;
        }
        let epoch = format!("epoch {}/{}", report.epoch + 1, report.epochs);
        match (&self.bar, report.event) {
            (Some(bar), ProgressEvent::EpochBegin) => {
                bar.set_length(report.batches as u64);
                bar.set_position(0);
                bar.set_prefix(epoch);
                bar.set_message(String::new());
            }
            (Some(bar), ProgressEvent::BatchEnd) => {
                bar.set_position(report.batch as u64);
                bar.set_message(values(report));
            }
            (Some(bar), ProgressEvent::EpochEnd) => {
                bar.suspend(|| output::message(format!("{epoch}{}", values(report))));
            }
            (Some(bar), ProgressEvent::TrainEnd) => bar.finish_and_clear(),
            (None, ProgressEvent::EpochEnd) => {
                output::message(format!("{epoch}{}", values(report)))
            }
            (None, _) => {}
        }
    }
}

fn values(report: &ProgressReport<'_>) -> String {
    let mut text = String::new();
    for (name, value) in report.logs {
        let _ = match name.as_str() {
            "learning_rate" => write!(text, "  {name} {value:.2e}"),
            _ => write!(text, "  {name} {value:.3}"),
        };
    }
    let (rate, left) = (report.samples_per_second, report.seconds_left.round() as u64);
    let _ = write!(text, "  {rate:.0} images/s  {}:{:02} left", left / 60, left % 60);
    text
}
