use super::Disputed;
use super::stored::Stored;
use crate::compare::close_where;
use cornu_tensor::Array;
use serde_json::Value;
use std::collections::BTreeMap;

/// One golden case: what was computed (`json`), and the numbers by name.
#[derive(Debug, Clone)]
pub struct Case {
    /// `kind/slug`, such as `layer/dense-relu`.
    pub id: String,
    /// Configuration, flags, names and shapes.
    pub json: Value,
    tensors: BTreeMap<String, Stored>,
    disputed: BTreeMap<String, Disputed>,
}

impl Case {
    pub(super) fn new(
        id: String,
        json: Value,
        tensors: BTreeMap<String, Stored>,
        disputed: BTreeMap<String, Disputed>,
    ) -> Self {
        Self { id, json, tensors, disputed }
    }

    /// `layer`, `loss`, `train`, ...: what kind of thing was computed.
    pub fn kind(&self) -> &str {
        self.json["kind"].as_str().unwrap_or_default()
    }

    /// Keras's class name (`Dense`), or an empty string for a case of a function.
    pub fn class(&self) -> &str {
        self.json["class"].as_str().unwrap_or_default()
    }

    /// The function's name (`relu`), or an empty string for a case of a class.
    pub fn function(&self) -> &str {
        self.json["function"].as_str().unwrap_or_default()
    }

    /// `object.config`: what Keras's `get_config` gives; null where the case has no object.
    pub fn config(&self) -> &Value {
        &self.json["object"]["config"]
    }

    /// Names of all tensors in alphabetical order, the `f64/` twins among them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Whether there is a tensor of this name.
    pub fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// Keras's name of the type a tensor is stored in: `float32`, `int64`, `bool`, ...
    pub fn dtype(&self, name: &str) -> Option<&'static str> {
        self.tensors.get(name).map(Stored::dtype)
    }

    /// A tensor of any type, rounded to `f32`.
    pub fn f32(&self, name: &str) -> Option<Array<f32>> {
        match self.tensors.get(name)? {
            Stored::F32(array) => Some(array.clone()),
            other => Some(other.to_f64().to_f32()),
        }
    }

    /// A tensor of any type as `f64`. The name is taken as it is: this is not the `f64/` twin,
    /// which [`truth`](Self::truth) gives.
    pub fn f64(&self, name: &str) -> Option<Array<f64>> {
        self.tensors.get(name).map(Stored::to_f64)
    }

    /// A tensor of any type as whole numbers; fractions are cut off.
    pub fn i64(&self, name: &str) -> Option<Array<i64>> {
        self.tensors.get(name).map(Stored::to_i64)
    }

    /// The twin that Keras computed in float64, or else the tensor itself.
    pub fn truth(&self, name: &str) -> Option<Array<f64>> {
        self.twin(name).or_else(|| self.f64(name))
    }

    /// The tensors `PREFIX.0`, `PREFIX.1`, ... as `f32`: `list("in")`, `list("w")`.
    pub fn list(&self, prefix: &str) -> Vec<Array<f32>> {
        (0..).map_while(|i| self.f32(&format!("{prefix}.{i}"))).collect()
    }

    /// The tensors `PREFIX.0`, `PREFIX.1`, ... as `f64`.
    pub fn list_f64(&self, prefix: &str) -> Vec<Array<f64>> {
        (0..).map_while(|i| self.f64(&format!("{prefix}.{i}"))).collect()
    }

    /// Compares what a float32 implementation computed with the tensor `name`.
    ///
    /// Where Keras's float64 twin is known, `|got - f64| <= 8 max_abs + 2e-6 scale + 1e-6` with
    /// `max_abs` how far Keras's own float32 was off; else `|got - f32| <= 2e-5 scale + 1e-6`.
    /// `scale` is the largest absolute value of the tensor. NaN equals NaN, infinities equal
    /// themselves. Elements on which Keras's TensorFlow and JAX backends disagree do not count.
    ///
    /// # Errors
    ///
    /// A message that names the tensor and its worst element.
    pub fn check(&self, name: &str, got: &Array<f32>) -> Result<(), String> {
        let (expected, tolerance) = match self.twin(name) {
            Some(twin) => {
                let known = &self.json["f32_vs_f64"][name];
                let max_abs = number(&known["max_abs"]).unwrap_or(0.0);
                let scale = number(&known["scale"]).unwrap_or_else(|| scale(&twin));
                (twin, 8.0 * max_abs + 2e-6 * scale + 1e-6)
            }
            None => self.reference(name)?,
        };
        self.compare(name, got, &expected, tolerance)
    }

    /// Compares what a float64 implementation computed with the tensor `name`: to `1e-9` of the
    /// scale (at least `1e-9`) where there is a float64 twin, else as [`check`](Self::check) does.
    ///
    /// # Errors
    ///
    /// As for [`check`](Self::check).
    pub fn check_f64(&self, name: &str, got: &Array<f64>) -> Result<(), String> {
        let (expected, tolerance) = match self.twin(name) {
            Some(twin) => {
                let tolerance = 1e-9 * scale(&twin).max(1.0);
                (twin, tolerance)
            }
            None => self.reference(name)?,
        };
        self.compare(name, got, &expected, tolerance)
    }

    /// Compares with [`truth`](Self::truth) to `relative` times the scale: for cases that need a
    /// tolerance of their own, such as bicubic resizing.
    ///
    /// # Errors
    ///
    /// As for [`check`](Self::check).
    pub fn check_relative<T: Copy + Into<f64>>(
        &self,
        name: &str,
        got: &Array<T>,
        relative: f64,
    ) -> Result<(), String> {
        let expected = self.truth(name).ok_or_else(|| self.missing(name))?;
        self.compare(name, got, &expected, relative * scale(&expected))
    }

    fn twin(&self, name: &str) -> Option<Array<f64>> {
        self.f64(&format!("f64/{name}"))
    }

    /// The tensor itself and the tolerance that holds where there is no twin.
    fn reference(&self, name: &str) -> Result<(Array<f64>, f64), String> {
        let expected = self.f64(name).ok_or_else(|| self.missing(name))?;
        let tolerance = 2e-5 * scale(&expected) + 1e-6;
        Ok((expected, tolerance))
    }

    fn compare<T: Copy + Into<f64>>(
        &self,
        name: &str,
        got: &Array<T>,
        expected: &Array<f64>,
        tolerance: f64,
    ) -> Result<(), String> {
        let counted = |position: usize| match self.disputed.get(name) {
            None => true,
            Some(Disputed::All) => false,
            Some(Disputed::Elements(elements)) => !elements.contains(&position),
        };
        close_where(got, expected, |_| tolerance, counted)
            .map_err(|message| format!("{name}: {message}"))
    }

    fn missing(&self, name: &str) -> String {
        let names: Vec<&str> = self.names().collect();
        format!("no tensor {name:?}; there are {}", names.join(", "))
    }
}

/// A number in a case's JSON, where non-finite ones are the strings `nan`, `inf` and `-inf`.
pub fn number(json: &Value) -> Option<f64> {
    match json {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.as_str() {
            "nan" => Some(f64::NAN),
            "inf" => Some(f64::INFINITY),
            "-inf" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

/// The largest absolute value among the finite elements.
fn scale(array: &Array<f64>) -> f64 {
    array.data().iter().filter(|x| x.is_finite()).fold(0.0, |scale, x| scale.max(x.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// `out.0` is off its twin by 1e-4; `out.1` has no twin and a NaN.
    fn case(disputed: &[(&str, Disputed)]) -> Case {
        let array = |data: &[f32]| Stored::F32(Array::new([data.len()], data.to_vec()).unwrap());
        let tensors = BTreeMap::from([
            ("out.0".to_owned(), array(&[1.0001, 2.0])),
            ("f64/out.0".to_owned(), Stored::F64(Array::new([2], vec![1.0, 2.0]).unwrap())),
            ("out.1".to_owned(), array(&[1.0, f32::NAN, f32::INFINITY])),
        ]);
        let disputed = disputed.iter().map(|(name, d)| ((*name).to_owned(), d.clone())).collect();
        let json = json!({"f32_vs_f64": {"out.0": {"max_abs": 1e-4, "scale": 2.0}}});
        Case::new("op/x".to_owned(), json, tensors, disputed)
    }

    fn array(data: &[f32]) -> Array<f32> {
        Array::new([data.len()], data.to_vec()).unwrap()
    }

    #[test]
    fn a_float32_result_may_be_eight_times_as_far_off_as_keras() {
        let case = case(&[]);
        case.check("out.0", &array(&[1.0008, 2.0])).unwrap();
        case.check("out.0", &array(&[1.0009, 2.0])).unwrap_err();
        case.check_f64("out.0", &array(&[1.0001, 2.0]).to_f64()).unwrap_err();
        case.check_f64("out.0", &Array::new([2], vec![1.0 + 1.9e-9, 2.0]).unwrap()).unwrap();
        case.check_f64("out.0", &Array::new([2], vec![1.0 + 2.1e-9, 2.0]).unwrap()).unwrap_err();
    }

    #[test]
    fn without_a_twin_the_scale_decides() {
        let case = case(&[]);
        case.check("out.1", &array(&[1.00002, f32::NAN, f32::INFINITY])).unwrap();
        case.check("out.1", &array(&[1.00003, f32::NAN, f32::INFINITY])).unwrap_err();
        case.check("out.1", &array(&[1.0, 0.0, f32::INFINITY])).unwrap_err();
        case.check("out.1", &array(&[1.0, f32::NAN, f32::NEG_INFINITY])).unwrap_err();
        case.check("out.1", &array(&[1.0, f32::NAN])).unwrap_err();
    }

    #[test]
    fn disputed_elements_do_not_count() {
        let some = case(&[("out.0", Disputed::Elements(vec![1]))]);
        some.check("out.0", &array(&[1.0, 5.0])).unwrap();
        some.check("out.0", &array(&[5.0, 2.0])).unwrap_err();
        case(&[("out.0", Disputed::All)]).check("out.0", &array(&[5.0, 5.0])).unwrap();
    }

    #[test]
    fn non_finite_numbers_are_strings_in_json() {
        assert_eq!(number(&json!("-inf")), Some(f64::NEG_INFINITY));
        assert!(number(&json!("nan")).unwrap().is_nan());
        assert_eq!((number(&json!(2)), number(&json!("2"))), (Some(2.0), None));
    }

    #[test]
    fn lists_end_at_the_first_gap() {
        assert_eq!(case(&[]).list("out").len(), 2);
        assert!(case(&[]).list("in").is_empty());
    }
}
