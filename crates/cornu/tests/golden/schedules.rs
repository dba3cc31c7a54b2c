//! Golden cases of kind `schedule`: values step by step.

use cornu_nn::schedules::schedule_from_config;
use cornu_testkit::Case;
use serde_json::Value;

use crate::tally::{Verdict, verdict};

pub(crate) fn check(case: &Case) -> Verdict {
    let schedule = schedule_from_config(&case.json["object"])?;
    let mut failures = Vec::new();
    if Value::Object(schedule.config()) != *case.config() {
        failures.push(format!("configuration: {:?}", schedule.config()));
    }
    let steps = case.i64("steps").unwrap();
    let values = steps.map(|&step| schedule.value(step as u64));
    failures.extend(case.check_f64("values", &values).err());
    failures.extend(case.check("values", &values.to_f32()).err());
    verdict(failures)
}
