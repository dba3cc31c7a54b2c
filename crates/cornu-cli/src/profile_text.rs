use std::fmt::Write;

use cornu::engine::{Profile, StepProfile};

/// Steps whose share of the time is below this are put together in one line.
const SMALL: f64 = 0.002;

/// `profile` as a table: a line per step of the plan, in its order.
///
/// The time of a step is that of all threads together, per run; its share is of all threads' time,
/// so that the shares and what is not in any step (waiting, handing out work) add up to 100 %.
pub(crate) fn profile_text(title: &str, profile: &Profile) -> String {
    let runs = profile.runs.max(1) as f64;
    let all = profile.seconds * profile.threads as f64;
    let in_steps: f64 = profile.steps.iter().map(|step| step.seconds).sum();
    let flops: f64 = profile.steps.iter().map(|step| step.flops).sum();
    let mut text = format!(
        "{title}: {:.3} ms, {:.1} GFLOP/s; this processor does {:.1} at most ({:.1} a thread)\n\
         {:>9} {:>6} {:>8} {:>6} {:>7}  step\n",
        1e3 * profile.seconds / runs,
        1e-9 * flops / profile.seconds,
        1e-9 * profile.peak_flops * profile.threads as f64,
        1e-9 * profile.peak_flops,
        "ms",
        "share",
        "GFLOP/s",
        "peak",
        "GB/s",
    );
    let line = |text: &mut String, seconds: f64, rates: String, name: &str| {
        let _ = writeln!(
            text,
            "{:>9.3} {:>5.1}% {rates:>23}  {name}",
            1e3 * seconds / runs,
            100.0 * seconds / all
        );
    };
    let (large, small): (Vec<&StepProfile>, Vec<&StepProfile>) =
        profile.steps.iter().partition(|step| SMALL * all <= step.seconds);
    for step in large {
        let once = if step.is_shared { " (once)" } else { "" };
        let name = format!("{}{once}  # {}", step.kernel, step.scope);
        line(&mut text, step.seconds, rates(step, profile.peak_flops), &name);
    }
    let rest: f64 = small.iter().map(|step| step.seconds).sum();
    line(&mut text, rest, String::new(), &format!("{} smaller steps", small.len()));
    line(&mut text, all - in_steps, String::new(), "outside of steps: waiting, sums over slots");
    text
}

/// Arithmetic and memory per second of one thread.
fn rates(step: &StepProfile, peak: f64) -> String {
    let bytes = 1e-9 * step.bytes / step.seconds;
    if step.flops == 0.0 {
        return format!("{bytes:>7.1}");
    }
    let flops = step.flops / step.seconds;
    format!("{:>8.1} {:>5.1}% {bytes:>7.1}", 1e-9 * flops, 100.0 * flops / peak)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up() {
        let step = |kernel: &str, seconds, flops| StepProfile {
            kernel: kernel.to_owned(),
            scope: "conv2d".to_owned(),
            seconds,
            flops,
            bytes: 1e9,
            ..StepProfile::default()
        };
        let steps = vec![step("conv", 1.0, 2e9), step("relu", 0.5, 0.0), step("tiny", 1e-9, 0.0)];
        let profile = Profile { steps, runs: 10, threads: 2, seconds: 1.0, peak_flops: 4e9 };
        let text = profile_text("prediction", &profile);
        assert_eq!(
            text,
            "prediction: 100.000 ms, 2.0 GFLOP/s; this processor does 8.0 at most (4.0 a thread)
       ms  share  GFLOP/s   peak    GB/s  step
  100.000  50.0%      2.0  50.0%     1.0  conv  # conv2d
   50.000  25.0%                     2.0  relu  # conv2d
    0.000   0.0%                          1 smaller steps
   50.000  25.0%                          outside of steps: waiting, sums over slots
"
        );
    }
}
