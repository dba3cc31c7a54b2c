//! The figures of a report as data and as pictures: scores of some samples, how well they rank, how sure
//! that is, and the charts as SVG files.
//!
//!     cargo run -p cornu --example figures -- FOLDER

#![allow(clippy::print_stdout, reason = "an example tells what it found")]

use std::path::PathBuf;

use cornu::plot::chart::{self, CurveLabel, Line, LineChart, Roc};
use cornu::stats::{Bins, RocCurve, best_by_youden, bootstrap, calibration_curve};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| ".".to_owned()));
    // What `model.predict` gave, and what the pictures are.
    let positive: Vec<bool> = (0..200).map(|i| i % 3 == 0).collect();
    let score = |(i, &positive): (u32, &bool)| {
        let noise = f64::from(i.wrapping_mul(2_654_435_761) >> 8) / f64::from(1 << 24);
        0.6 * noise + 0.35 * f64::from(u8::from(positive))
    };
    let scores: Vec<f64> = (0..).zip(&positive).map(score).collect();

    let curve = RocCurve::new(&scores, &positive)?;
    let interval = bootstrap::roc_auc_interval(&scores, &positive, bootstrap::RESAMPLES, 0)?;
    println!("AUC {:.3}, 95 % interval {:.3} to {:.3}", curve.area(), interval.low, interval.high);
    let best = best_by_youden(&scores, &positive)?;
    println!(
        "best threshold {:.3}: sensitivity {:.3}, specificity {:.3}",
        best.threshold,
        best.counts.recall(),
        best.counts.specificity()
    );

    let at: Vec<f64> = (0..=50).map(|i| f64::from(i) / 50.0).collect();
    let band = bootstrap::roc_band(&scores, &positive, &at, bootstrap::RESAMPLES, 0)?;
    let label =
        CurveLabel { name: "effusion".to_owned(), area: curve.area(), interval: Some(interval) };
    let roc = chart::roc(&[Roc { label, curve: &curve, band: at.into_iter().zip(band).collect() }]);
    let bins = calibration_curve(&scores, &positive, Bins::Uniform(10))?;
    let losses = LineChart::new("Loss", "epoch")
        .line(Line::new("training", &[0.69, 0.52, 0.44, 0.37, 0.31]))
        .line(Line::new("validation", &[0.68, 0.55, 0.49, 0.50, 0.53]))
        .mark(3, "best: epoch 3")
        .chart();
    for (name, chart) in
        [("roc", roc), ("calibration", chart::calibration("effusion", &bins)), ("loss", losses)]
    {
        std::fs::write(folder.join(format!("{name}.svg")), chart.standalone())?;
    }
    Ok(())
}
