//! Optimizers: configurations, and rules that are the same for all of them.

use cornu_graph::{Feed, Graph, ValueId, evaluate};
use cornu_nn::optimizers::{
    Adam, OPTIMIZERS, Optimizer, Param, SGD, VariableSpec, apply, optimizer_from_config,
    state_specs,
};
use cornu_nn::schedules::ExponentialDecay;
use cornu_tensor::{Array, Shape};
use serde_json::{Value, json};

#[test]
fn every_optimizer_is_read_back_from_its_configuration() {
    for entry in OPTIMIZERS {
        let optimizer = optimizer_from_config(&json!(entry.class_name)).unwrap();
        let object = json!({"class_name": optimizer.class_name(), "config": optimizer.config()});
        let again = optimizer_from_config(&object).unwrap();
        assert_eq!(again.class_name(), entry.class_name);
        assert_eq!(again.config(), optimizer.config());
        optimizer_from_config(&json!(entry.class_name.to_lowercase())).unwrap();
    }
}

#[test]
fn learning_rates_are_floats_or_schedules() {
    let read = |rate: Value| {
        optimizer_from_config(&json!({"class_name": "SGD", "config": {"learning_rate": rate}}))
    };
    assert!(read(json!(1)).unwrap_err().to_string().contains("learning_rate"));
    assert!(read(json!("fast")).is_err());
    let optimizer = read(json!(0.1)).unwrap();
    assert_eq!(optimizer.config()["learning_rate"], json!(0.10000000149011612));
    let optimizer = SGD::new().learning_rate(ExponentialDecay::new(0.5, 1, 0.5));
    assert_eq!(optimizer.settings().learning_rate.value(2), 0.125);
}

#[test]
fn settings_that_contradict_each_other_or_do_not_exist_are_errors() {
    let read = |config: Value| {
        let object = json!({"class_name": "Adam", "config": config});
        optimizer_from_config(&object).unwrap_err().to_string()
    };
    assert!(read(json!({"clipnorm": 1.0, "clipvalue": 1.0})).contains("at most one"));
    assert!(read(json!({"clipnorm": -1.0})).contains("clipnorm"));
    assert!(read(json!({"beta1": 0.9})).contains("beta1"));
    assert!(
        read(json!({"gradient_accumulation_steps": 1})).contains("gradient_accumulation_steps")
    );
    assert!(optimizer_from_config(&json!("adamm")).unwrap_err().to_string().contains("adamm"));
}

/// Such a variable neither decays nor moves, but its average is kept.
#[test]
fn a_variable_without_gradient_stays_as_it_is() {
    let optimizer = Adam::new().weight_decay(0.5).use_ema(true);
    let mut graph = Graph::new();
    let id = graph.add_variable("w", [2]);
    let value = graph.variable(id).unwrap();
    let specs = [VariableSpec { name: "w".to_owned(), dims: vec![2] }];
    let state: Vec<ValueId> = state_specs(&optimizer, &specs)
        .iter()
        .map(|spec| graph.constant(Array::full(spec.dims.clone(), spec.initial)).unwrap())
        .collect();
    let (rate, iteration) = (graph.scalar(0.1).unwrap(), graph.scalar(0.0).unwrap());
    let param = Param { name: "w", dims: &[2], value, gradient: None, constraint: None };
    let applied = apply(&optimizer, &mut graph, &[param], &state, rate, iteration).unwrap();
    assert_eq!(applied.params, [None]);
    assert_ne!(applied.state[0], state[0]);
    assert_eq!(applied.state[1..], state[1..]);
}

/// With two steps per update a variable moves in the second, by the mean gradient.
#[test]
fn accumulated_gradients_move_variables_in_the_last_step_only() {
    let optimizer = SGD::new().gradient_accumulation_steps(2);
    let specs = [VariableSpec { name: "w".to_owned(), dims: vec![1] }];
    let state = state_specs(&optimizer, &specs);
    let mut graph = Graph::new();
    let mut input = |name: &str, dims: &[usize]| graph.input(name, Shape::fixed(dims)).unwrap();
    let (w, g) = (input("w", &[1]), input("g", &[1]));
    let slots: Vec<ValueId> = state.iter().map(|slot| input(&slot.path, &slot.dims)).collect();
    let iteration = input("iteration", &[]);
    let rate = graph.scalar(0.25).unwrap();
    let param = Param { name: "w", dims: &[1], value: w, gradient: Some(g), constraint: None };
    let applied = apply(&optimizer, &mut graph, &[param], &slots, rate, iteration).unwrap();
    graph.set_output("w", applied.params[0].unwrap());
    for (slot, value) in state.iter().zip(&applied.state) {
        graph.set_output(&slot.path, *value);
    }
    let mut values = Feed { samples: 1, ..Feed::default() };
    values.inputs.insert("w".to_owned(), Array::full([1], 1.0));
    for slot in &state {
        values.inputs.insert(slot.path.clone(), Array::full(slot.dims.clone(), slot.initial));
    }
    let mut seen = Vec::new();
    for (step, gradient) in [1.0, 3.0, 4.0, 0.0].into_iter().enumerate() {
        values.inputs.insert("g".to_owned(), Array::full([1], gradient));
        values.inputs.insert("iteration".to_owned(), Array::scalar(step as f64));
        let after = evaluate(&graph, &mut values).unwrap();
        seen.push(after["w"].data()[0]);
        values.inputs.extend(after);
    }
    assert_eq!(seen, [1.0, 0.5, 0.5, 0.0]);
}

/// The point from which steps are made begins at the variable, which decays only afterwards.
#[test]
fn a_schedule_free_optimizer_begins_at_the_variable_before_its_decay() {
    let config = json!({"class_name": "ScheduleFreeAdamW", "config": {"weight_decay": 0.5}});
    let optimizer = optimizer_from_config(&config).unwrap();
    let specs = [VariableSpec { name: "w".to_owned(), dims: vec![1] }];
    let mut graph = Graph::new();
    let slots: Vec<ValueId> = state_specs(&*optimizer, &specs)
        .iter()
        .map(|slot| graph.constant(Array::full(slot.dims.clone(), slot.initial)).unwrap())
        .collect();
    let mut ones = || graph.constant(Array::full([1], 1.0)).unwrap();
    let (value, gradient) = (ones(), Some(ones()));
    let (rate, iteration) = (graph.scalar(0.125).unwrap(), graph.scalar(0.0).unwrap());
    let param = Param { name: "w", dims: &[1], value, gradient, constraint: None };
    let applied = apply(&*optimizer, &mut graph, &[param], &slots, rate, iteration).unwrap();
    graph.set_output("w", applied.params[0].unwrap());
    let after = evaluate(&graph, &mut Feed { samples: 1, ..Feed::default() }).unwrap();
    let w = after["w"].data()[0];
    assert!((w - 0.875).abs() < 1e-6, "{w}");
}
