//! Schedules: values step by step.

use cornu_nn::schedules::{
    CosineDecay, ExponentialDecay, PiecewiseConstantDecay, Schedule, schedule_from_config,
};
use cornu_tensor::Array;
use serde_json::json;

#[test]
fn the_step_of_a_boundary_still_has_the_earlier_value() {
    let schedule: Schedule =
        PiecewiseConstantDecay::new(vec![2.0, 4.0], vec![3.0, 2.0, 1.0]).unwrap().into();
    let values: Vec<f64> = (0..6).map(|step| schedule.value(step)).collect();
    assert_eq!(values, [3.0, 3.0, 3.0, 2.0, 2.0, 1.0]);
    assert!(PiecewiseConstantDecay::new(vec![2.0], vec![3.0]).is_err());
    assert!(PiecewiseConstantDecay::new(vec![4.0, 2.0], vec![3.0, 2.0, 1.0]).is_err());
}

#[test]
fn settings_nobody_knows_are_errors() {
    let object = json!({"class_name": "CosineDecay", "config": {
        "initial_learning_rate": 0.1, "decay_steps": 3, "aplha": 0.0}});
    assert!(schedule_from_config(&object).unwrap_err().to_string().contains("aplha"));
    let object = json!({"class_name": "ExponentialDecay", "config": {
        "initial_learning_rate": 0.1, "decay_steps": 0, "decay_rate": 0.5}});
    assert!(schedule_from_config(&object).unwrap_err().to_string().contains("decay_steps"));
    assert!(schedule_from_config(&json!({"class_name": "StepDecay", "config": {}})).is_err());
}

#[test]
fn built_in_code_and_read_from_an_object_are_the_same() {
    let cosine: Schedule = CosineDecay::new(0.0, 8).alpha(0.1).warmup(0.2, 4).into();
    assert_eq!(schedule_from_config(&cosine.to_object()).unwrap(), cosine);
    let stairs: Schedule = ExponentialDecay::new(0.5, 2, 0.5).staircase(true).into();
    assert_eq!(schedule_from_config(&stairs.to_object()).unwrap(), stairs);
    assert_eq!(
        Array::from_fn([5], |step| stairs.value(step as u64)).data(),
        [0.5, 0.5, 0.25, 0.25, 0.125]
    );
}
