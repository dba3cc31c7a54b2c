use std::fmt::Write;

use cornu::plot::chart::{
    CurveLabel, PrecisionRecall, Roc, calibration, confusion_matrix, escaped, precision_recall, roc,
};
use cornu::stats::{
    Bins, Interval, PrecisionRecallCurve, RocCurve, ThresholdScores, best_by_youden, bootstrap,
    brier_score, calibration_curve, calibration_error,
};

use crate::report::findings::confidence_error;
use crate::report::html::{Row, Section, Table, charts};
use crate::report::material::Material;
use crate::scores::{BOOTSTRAP_SEED, Judged, Scores, resamples};

/// Curves that can be told apart in one chart.
const CURVES: usize = 7;
/// Bins of the calibration curve, and the fewest pictures for so many; with fewer, half as many.
const BINS: usize = 10;
const MANY: usize = 200;
/// Thresholds of the table, besides the best.
const THRESHOLDS: [f64; 7] = [0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9];
/// Points of the band around the ROC curve.
const BAND: usize = 50;
/// The most frequent mistakes that are told where there are too many classes for a matrix.
const CONFUSIONS: usize = 15;

/// How good the model is.
pub(in crate::report) fn results(material: &Material<'_>) -> Section {
    let Some((part, judged)) = material.judged() else {
        let body =
            "<p>There are neither validation nor test pictures to judge by.</p>\n".to_owned();
        return Section { id: "results", title: "Results", body };
    };
    let names = material.class_names;
    let mut body = format!(
        "<p>On the {} {} pictures. Intervals hold 95 % of what other pictures of the same kind would \
         give: bootstrapped for areas, Wilson's for parts.</p>\n",
        judged.scores.samples, part.name
    );
    let mut drawn = Vec::new();
    match confusion_matrix(&judged.scores.confusion_matrix, names) {
        Some(chart) => {
            drawn.push((chart, "Rows are true classes; blue is right, orange wrong.".into()))
        }
        None => body += &frequent_confusions(&judged.scores),
    }
    let classes: Vec<usize> =
        if material.is_binary() { vec![1] } else { (0..names.len()).collect() };
    drawn.extend(curves(judged, names, &classes));
    drawn.extend(calibrations(judged, names, &classes));
    body += &charts(&drawn);
    body += &class_table(&judged.scores);
    body += &comparison(material);
    body += &thresholds(judged, names, &classes);
    Section { id: "results", title: "Results", body }
}

type Drawn = Vec<(cornu::plot::chart::Chart, String)>;

/// ROC and precision-recall curves of `classes`, each against the rest.
fn curves(judged: &Judged, names: &[String], classes: &[usize]) -> Drawn {
    let scored: Vec<(usize, Vec<f64>, Vec<bool>)> = classes
        .iter()
        .map(|&class| {
            let (scores, positive) = judged.one_against_rest(class);
            (class, scores, positive)
        })
        .collect();
    let of = |class: usize, area: Option<f64>, interval: Option<Interval>| CurveLabel {
        name: names[class].clone(),
        area: area.unwrap_or_default(),
        interval,
    };
    let rocs: Vec<(usize, RocCurve, Vec<(f64, Interval)>)> = scored
        .iter()
        .filter_map(|(class, scores, positive)| {
            let curve = RocCurve::new(scores, positive).ok()?;
            let band = if classes.len() == 1 { band(scores, positive) } else { Vec::new() };
            Some((*class, curve, band))
        })
        .take(CURVES)
        .collect();
    let left_out = if CURVES < classes.len() {
        format!(" The first {CURVES} of {} classes; the table has all.", classes.len())
    } else {
        String::new()
    };
    let mut drawn = Vec::new();
    if !rocs.is_empty() {
        let drawn_curves: Vec<Roc<'_>> = rocs
            .iter()
            .map(|(class, curve, band)| {
                let scores = &judged.scores.classes[*class];
                let label = of(*class, scores.auc, scores.auc_interval);
                Roc { label, curve, band: band.clone() }
            })
            .collect();
        let caption = if classes.len() == 1 {
            "The further above the dashed line of guessing, the better; the band holds 95 % of \
             bootstrapped curves."
        } else {
            "Each class against the rest; the dashed line is guessing."
        };
        drawn.push((roc(&drawn_curves), format!("{caption}{left_out}")));
    }
    let precisions: Vec<(usize, PrecisionRecallCurve, f64)> = scored
        .iter()
        .filter_map(|(class, scores, positive)| {
            let curve = PrecisionRecallCurve::new(scores, positive).ok()?;
            let positives = positive.iter().filter(|&&positive| positive).count();
            Some((*class, curve, positives as f64 / positive.len() as f64))
        })
        .take(CURVES)
        .collect();
    if !precisions.is_empty() {
        let drawn_curves: Vec<PrecisionRecall<'_>> = precisions
            .iter()
            .map(|(class, curve, prevalence)| {
                let scores = &judged.scores.classes[*class];
                let interval = scores.average_precision_interval;
                let label = of(*class, scores.average_precision, interval);
                PrecisionRecall { label, curve, prevalence: *prevalence }
            })
            .collect();
        let caption = if classes.len() == 1 {
            "The dashed line is the precision of guessing. AP is the average precision."
        } else {
            "Each class against the rest. AP is the average precision."
        };
        drawn.push((precision_recall(&drawn_curves), format!("{caption}{left_out}")));
    }
    drawn
}

fn band(scores: &[f64], positive: &[bool]) -> Vec<(f64, Interval)> {
    let at: Vec<f64> = (0..=BAND).map(|i| i as f64 / BAND as f64).collect();
    let n = resamples(scores.len());
    let intervals = bootstrap::roc_band(scores, positive, &at, n, BOOTSTRAP_SEED);
    at.into_iter().zip(intervals.unwrap_or_default()).collect()
}

/// Calibration of the positive class, or of the answer where there are more than two.
fn calibrations(judged: &Judged, names: &[String], classes: &[usize]) -> Drawn {
    let n = judged.labels.len();
    let bins = Bins::Uniform(if n < MANY { BINS / 2 } else { BINS });
    let (name, p, positive) = match classes {
        [class] => {
            let (p, positive) = judged.one_against_rest(*class);
            (names[*class].clone(), p, positive)
        }
        _ => {
            let answers = judged.probabilities.iter().zip(&judged.labels).map(|(row, &label)| {
                let answer = crate::scores::predicted(row);
                (row[answer].min(1.0), answer == label)
            });
            let (p, right) = answers.unzip();
            ("the answer".to_owned(), p, right)
        }
    };
    let Ok(bins) = calibration_curve(&p, &positive, bins) else { return Vec::new() };
    let mut caption = format!(
        "On the dashed line a probability means what it says. Mean distance {:.3}",
        calibration_error(&bins)
    );
    if let (true, Ok(brier)) = (classes.len() == 1, brier_score(&p, &positive)) {
        let _ = write!(caption, ", Brier score {brier:.3} (0 is perfect)");
    }
    caption.push('.');
    vec![(calibration(&name, &bins), caption)]
}

fn class_table(scores: &Scores) -> String {
    let rows = scores.classes.iter().map(|class| {
        Row::new(vec![
            escaped(&class.class),
            class.samples.to_string(),
            format!("{:.3}", class.precision),
            format!("{:.3}", class.recall),
            format!("{:.3}", class.f1),
            with_interval(class.auc, class.auc_interval),
            with_interval(class.average_precision, class.average_precision_interval),
        ])
    });
    let head = [
        "Class",
        "Pictures",
        "Precision",
        "Recall",
        "F1",
        "AUC (95 %)",
        "Average precision (95 %)",
    ];
    Table { caption: "Each class against the rest", head: &head, class: "", rows: rows.collect() }
        .html()
}

fn with_interval(value: Option<f64>, interval: Option<Interval>) -> String {
    match (value, interval) {
        (Some(value), Some(Interval { low, high })) => {
            format!("{value:.3} <span class=\"soft\">({low:.3}\u{2013}{high:.3})</span>")
        }
        (Some(value), None) => format!("{value:.3}"),
        (None, _) => "\u{2013}".to_owned(),
    }
}

/// The same figures for each part, to be compared.
fn comparison(material: &Material<'_>) -> String {
    let rows: Vec<Row> = material
        .parts
        .iter()
        .filter_map(|part| {
            let judged = part.judged?;
            let scores = &judged.scores;
            Some(Row::new(vec![
                part.name.to_owned(),
                scores.samples.to_string(),
                format!("{:.4}", scores.loss),
                with_interval(Some(scores.accuracy), scores.intervals.accuracy),
                with_interval(scores.auc, scores.intervals.auc),
                with_interval(scores.average_precision, scores.intervals.average_precision),
                confidence_error(judged)
                    .map_or_else(|| "\u{2013}".to_owned(), |e| format!("{e:.3}")),
            ]))
        })
        .collect();
    let head = [
        "Part",
        "Pictures",
        "Loss",
        "Accuracy (95 %)",
        "AUC (95 %)",
        "Average precision (95 %)",
        "Calibration error",
    ];
    let caption = "The kept model on each part, pictures unchanged and without dropout";
    Table { caption, head: &head, class: "", rows }.html()
}

/// What thresholds on the probability give: of two classes a table of several, of more the best of
/// each class.
fn thresholds(judged: &Judged, names: &[String], classes: &[usize]) -> String {
    let head = [
        if classes.len() == 1 { "Threshold" } else { "Class, threshold" },
        "Sensitivity",
        "Specificity",
        "PPV",
        "NPV",
        "Youden's J",
    ];
    let cells = |name: String, at: &ThresholdScores| {
        let counts = at.counts;
        // A value of nobody is no value.
        let of = |value: f64, n: usize| match n {
            0 => "\u{2013}".to_owned(),
            _ => format!("{value:.3}"),
        };
        let positives = counts.samples();
        let negatives = counts.true_negatives + counts.false_positives;
        vec![
            name,
            of(counts.recall(), positives),
            of(counts.specificity(), negatives),
            of(counts.precision(), counts.true_positives + counts.false_positives),
            of(counts.negative_predictive_value(), counts.true_negatives + counts.false_negatives),
            of(at.youden(), positives.min(negatives)),
        ]
    };
    let mut rows: Vec<(f64, Row)> = Vec::new();
    for &class in classes {
        let (scores, positive) = judged.one_against_rest(class);
        let Ok(best) = best_by_youden(&scores, &positive) else { continue };
        if let [_] = classes {
            for threshold in THRESHOLDS {
                let Ok(at) = ThresholdScores::new(&scores, &positive, threshold) else { continue };
                rows.push((threshold, Row::new(cells(format!("{threshold:.2}"), &at))));
            }
            let name = format!("{:.3} (best J)", best.threshold);
            rows.push((best.threshold, Row { class: "best", cells: cells(name, &best) }));
        } else {
            let name = format!("{}, {:.3}", escaped(&names[class]), best.threshold);
            rows.push((0.0, Row::new(cells(name, &best))));
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    if classes.len() == 1 {
        rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    let caption = if let [class] = classes {
        format!("Calling it {} from a probability of so much on", names[*class])
    } else {
        "The threshold with the highest J of each class against the rest".to_owned()
    };
    let rows = rows.into_iter().map(|(_, row)| row).collect();
    let table = Table { caption: &caption, head: &head, class: "", rows }.html();
    format!(
        "{table}<p class=\"soft\">PPV and NPV are positive and negative predictive value; they hold for \
         classes as frequent as here. J is sensitivity + specificity \u{2212} 1. A threshold chosen on \
         these pictures looks a little too good on them.</p>\n"
    )
}

fn frequent_confusions(scores: &Scores) -> String {
    let mut pairs = Vec::new();
    for (row, counts) in scores.confusion_matrix.iter().enumerate() {
        let wrong = counts.iter().enumerate().filter(|&(column, &n)| column != row && 0 < n);
        pairs.extend(wrong.map(|(column, &n)| (n, row, column)));
    }
    pairs.sort_by_key(|&(n, row, column)| (std::cmp::Reverse(n), row, column));
    let name = |class: usize| escaped(&scores.classes[class].class);
    let rows = pairs
        .into_iter()
        .take(CONFUSIONS)
        .map(|(n, row, column)| Row::new(vec![name(row), name(column), n.to_string()]))
        .collect();
    let head = ["True class", "Taken for", "Pictures"];
    Table { caption: "The most frequent confusions", head: &head, class: "", rows }.html()
}
