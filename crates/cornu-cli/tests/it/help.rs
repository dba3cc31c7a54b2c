use crate::cornu::Place;
use expect_test::expect_file;

#[test]
fn help_is_worth_reading() {
    let place = Place::new();
    expect_file!["help/cornu.txt"].assert_eq(&place.run("--help").ok());
    expect_file!["help/demo.txt"].assert_eq(&place.run("demo --help").ok());
    expect_file!["help/train.txt"].assert_eq(&place.run("train --help").ok());
    expect_file!["help/evaluate.txt"].assert_eq(&place.run("evaluate --help").ok());
    expect_file!["help/predict.txt"].assert_eq(&place.run("predict --help").ok());
    expect_file!["help/explain.txt"].assert_eq(&place.run("explain --help").ok());
    expect_file!["help/summary.txt"].assert_eq(&place.run("summary --help").ok());
    expect_file!["help/convert.txt"].assert_eq(&place.run("convert --help").ok());
    expect_file!["help/bench.txt"].assert_eq(&place.run("bench --help").ok());
    expect_file!["help/plan.txt"].assert_eq(&place.run("plan --help").ok());
    expect_file!["help/plot.txt"].assert_eq(&place.run("plot --help").ok());
}

#[test]
fn what_cannot_be_understood_is_exit_code_2() {
    let place = Place::new();
    for line in [
        "",
        "frobnicate a b",
        "convert a",
        "train",
        "train x --out y --epochs 0",
        "train x --out y --lr -1",
    ] {
        let ran = place.run(line);
        assert_eq!(ran.code, 2, "`{line}`: {}", ran.stderr);
        assert!(ran.stdout.is_empty(), "`{line}`");
    }
}

#[test]
fn a_negative_number_is_a_value() {
    let place = Place::new();
    for (line, message) in [
        ("train x --out y --lr -1", "expected a number above 0"),
        ("train x --out y --label-smoothing -0.5", "expected a number from 0 to below 1"),
        ("train x --out y --seed -3", "expected a whole number from 0 to"),
        ("train x --out y --batch-size -3", "expected a whole number"),
        ("bench lesson-cnn --batch -3", "expected a whole number"),
        ("bench lesson-cnn --steps -3", "expected a whole number"),
        ("plan lesson-cnn --batch -3", "expected a whole number"),
        ("plan lesson-cnn --threads -3", "-3 is not in 1..=1024"),
    ] {
        let ran = place.run(line);
        assert_eq!(ran.code, 2, "`{line}`: {}", ran.stderr);
        assert!(ran.stderr.contains(message), "`{line}`: {}", ran.stderr);
    }
}
