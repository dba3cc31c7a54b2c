"""Computes cases with the real Keras and writes them as packs, one pair of files for each kind.

The format is that of CONTRIBUTING.md, "Reference vectors": KIND.json maps an id to what the case is,
KIND.safetensors holds the numbers under "ID/NAME", index.json lists all cases.
"""
import contextlib
import json
import os
import struct
import tempfile
import zlib

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # plain float32 kernels
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ["COLUMNS"], os.environ["LINES"] = "80", "24"  # of summaries

import keras
import numpy as np
import tensorflow as tf

REDUCTIONS = ["sum_over_batch_size", "sum", "none", "mean", "mean_with_sample_weight"]
TYPES = {"float32": "F32", "float64": "F64", "int32": "I32", "int64": "I64", "uint8": "U8", "bool": "BOOL"}


def plain(value):
    """As JSON has it: no tuples, no NumPy, and texts for numbers that are not finite."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return "nan" if value != value else "inf" if value > 0 else "-inf"
    return value


def serialized(thing):
    if isinstance(thing, (list, tuple)):
        return [serialized(one) for one in thing]
    if thing is None or isinstance(thing, (str, int, float, bool, dict)):
        return thing
    return json.loads(json.dumps(keras.saving.serialize_keras_object(thing), default=plain))


def array(tensor):
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def flat(structure):
    return [one for one in tf.nest.flatten(structure) if one is not None]


@contextlib.contextmanager
def floats(kind):
    keras.backend.clear_session()
    keras.config.set_floatx(kind)
    try:
        yield kind
    finally:
        keras.config.set_floatx("float32")


class Case:
    """Numbers and descriptions of one case; `twin` keeps what float64 gave beside float32."""

    def __init__(self, case_id):
        self.random = np.random.default_rng(zlib.crc32(case_id.encode()))
        self.json, self.tensors = {"f32_vs_f64": {}}, {}

    def draw(self, shape, kind="normal"):
        r, f = self.random, np.float32
        if kind == "normal":
            return r.standard_normal(shape).astype(f)
        if kind == "uniform":
            return r.uniform(0, 1, shape).astype(f)
        if kind == "positive":
            return r.uniform(0.1, 2, shape).astype(f)
        if kind == "pixels":
            return r.integers(0, 256, shape).astype(f)
        if kind == "ties":
            return r.integers(-2, 3, shape).astype(f)
        if kind == "binary":
            return r.integers(0, 2, shape).astype(f)
        if kind == "sign":
            return (2 * r.integers(0, 2, shape) - 1).astype(f)
        if kind == "mask":
            mask = r.uniform(0, 1, shape) < 0.6
            mask[..., 0] = True
            return mask
        if kind == "shares":
            e = np.exp(r.standard_normal(shape))
            return (e / e.sum(-1, keepdims=True)).astype(f)
        if kind == "onehot":
            return np.eye(shape[-1], dtype=f)[r.integers(0, shape[-1], shape[:-1])]
        if kind.startswith("below"):  # whole numbers below the number that follows
            return r.integers(0, int(kind[5:]), shape).astype(np.int32)
        raise ValueError(kind)

    def inputs(self, specs):
        """Each a shape, or a shape with the kind of its numbers."""
        pairs = [spec if isinstance(spec[-1], str) else (spec, "normal") for spec in specs]
        return [self.draw(tuple(shape), kind) for shape, kind in pairs]

    def weight(self, variable):
        """Numbers that no initializer gives, so that nothing is 0 or 1 by chance."""
        name, shape = variable.name, tuple(variable.shape)
        if "float" not in str(variable.dtype):
            return array(variable)
        if "variance" in name:
            return self.draw(shape, "positive")
        middle = 1.0 if "gamma" in name or name == "scale" else 0.0
        fan = max(1, int(np.prod(shape[:-1]))) if len(shape) > 1 else 9
        return (middle + self.random.standard_normal(shape) / np.sqrt(fan)).astype(np.float32)

    def put(self, name, value, kind="float32"):
        value = np.asarray(value)
        if kind == "float32":
            self.tensors[name] = value
            return
        known = self.tensors.get(name)
        if value.dtype != np.float64 or known is None or known.shape != value.shape:
            return
        if not np.array_equal(known, value, equal_nan=True):
            self.tensors["f64/" + name] = value
            off = np.abs(known - value)
            self.json["f32_vs_f64"][name] = {"max_abs": float(np.nanmax(off)), "scale": float(np.nanmax(np.abs(value)))}


def cast(value, kind):
    if isinstance(value, list):
        return [cast(one, kind) for one in value]
    return value.astype(kind) if value is not None and value.dtype.kind == "f" else value


def derivatives(function, values, variables, upstream, compiled=False):
    """Outputs, and the gradients of their products with `upstream` (drawn by a call with outputs)."""
    values = [tf.convert_to_tensor(value) for value in values]
    if compiled:
        shapes = tf.function(lambda: flat(function(values)), jit_compile=True)()
        ends = upstream(shapes)
        return tf.function(lambda: derivatives(function, values, variables, lambda _: ends), jit_compile=True)()
    with tf.GradientTape(persistent=True) as tape:
        for value in values:
            if value.dtype.is_floating:
                tape.watch(value)
        outputs = flat(function(values))
        ends = upstream(outputs)
        total = tf.add_n([tf.reduce_sum(y * g) for y, g in zip(outputs, ends) if g is not None])
    dense = lambda g: None if g is None else tf.convert_to_tensor(g)
    of_values = [dense(tape.gradient(total, v)) if v.dtype.is_floating else None for v in values]
    return outputs, of_values, [dense(tape.gradient(total, v.value)) for v in variables]


def upstream_of(case, prefix, kind):
    def draw(outputs):
        ends = []
        for i, y in enumerate(outputs):
            name = f"{prefix}gout.{i}"
            if not y.dtype.is_floating:
                ends.append(None)
                continue
            if name not in case.tensors:
                case.tensors[name] = case.draw(tuple(y.shape))
            ends.append(tf.constant(case.tensors[name].astype(kind)))
        return ends
    return draw


def layer(case, build, inputs, call="single", train=False, kwargs=None, gradients=True, twin=True, compiled=False):
    """`compiled`: by XLA, for what TensorFlow's processor kernels cannot do; `twin`: in float64 too."""
    values = case.inputs(inputs)
    fed = {}
    for key, value in (kwargs or {}).items():
        fed[key] = case.draw(*value) if isinstance(value, tuple) else value
    case.json["call_kwargs"] = {k: f"tensor:kw.{k}" if isinstance(v, np.ndarray) else v for k, v in fed.items()}
    modes = ["infer", "train"] if train else ["infer"]
    weights = None
    for kind in ("float32", "float64") if twin else ("float32",):
        with floats(kind):
            made = build()
            invoke = (lambda xs, **k: made(*xs, **k)) if call == "args" else (lambda xs, **k: made(xs if call == "list" else xs[0], **k))
            xs = cast(values, kind)
            ks = {k: tf.convert_to_tensor(v) if isinstance(v, np.ndarray) else v for k, v in fed.items()}
            made.build(xs[0].shape) if compiled else invoke([tf.convert_to_tensor(x) for x in xs], **ks)
            if kind == "float32":
                weights = [case.weight(v) for v in made.weights]
                for prefix, list_ in (("in", values), ("w", weights)):
                    case.tensors.update({f"{prefix}.{i}": a for i, a in enumerate(list_)})
                case.tensors.update({f"kw.{k}": v for k, v in fed.items() if isinstance(v, np.ndarray)})
                case.json.update({"class": type(made).__name__, "object": serialized(made), "call": call, "modes": modes,
                                  "inputs": [{"key": f"in.{i}", "shape": list(v.shape)} for i, v in enumerate(values)],
                                  "weights": [{"name": v.name, "path": v.path, "shape": list(v.shape), "trainable": bool(v.trainable)} for v in made.weights]})
            for mode in modes:
                for variable, value in zip(made.weights, weights):
                    variable.assign(value.astype(variable.dtype))
                prefix = "train." if mode == "train" else ""
                extra = dict(ks)
                if mode == "train":
                    extra["training"] = True
                function = lambda ts: invoke(ts, **extra)
                if gradients:
                    ys, gxs, gws = derivatives(function, xs, made.trainable_variables, upstream_of(case, prefix, kind), compiled)
                else:
                    ys, gxs, gws = flat(function([tf.convert_to_tensor(x) for x in xs])), [], []
                for part, results in (("out", ys), ("gin", gxs), ("gw", gws)):
                    for i, result in enumerate(results):
                        if result is not None:
                            case.put(f"{prefix}{part}.{i}", array(result), kind)
                if kind == "float32":
                    case.json["n_outputs"] = len(ys)
                    case.json[prefix + "losses"] = float(sum(array(loss) for loss in made.losses)) if made.losses else None
                for i, (variable, value) in enumerate(zip(made.weights, weights)):
                    if mode == "train" and not np.array_equal(array(variable).astype("float32"), value):
                        case.put(f"train.w_after.{i}", array(variable), kind)


def function(case, name, inputs, kwargs=None, where=None, gradients=True, twin=True):
    """An activation or one of keras.ops."""
    values = case.inputs(inputs)
    target = where
    for part in name.split("."):
        target = getattr(target, part)
    kwargs = kwargs or {}
    case.tensors.update({f"in.{i}": v for i, v in enumerate(values)})
    case.json.update({"function": name, "kwargs": plain(kwargs)})
    for kind in ("float32", "float64") if twin else ("float32",):
        with floats(kind):
            call = lambda xs: target(*xs, **kwargs)
            if gradients:
                ys, gxs, _ = derivatives(call, cast(values, kind), [], upstream_of(case, "", kind))
            else:
                ys, gxs = flat(call([tf.convert_to_tensor(x) for x in cast(values, kind)])), []
            for part, results in (("out", ys), ("gin", gxs)):
                for i, result in enumerate(results):
                    if result is not None:
                        case.put(f"{part}.{i}", array(result), kind)


def loss(case, name, args, y_true, y_pred, weight=None):
    (truth,), (scores,) = case.inputs([y_true]), case.inputs([y_pred])
    case.tensors.update({"y_true": truth, "y_pred": scores})
    weights = {"none": None}
    if weight:
        shape = {"B": scores.shape[:1], "B1": (scores.shape[0], 1), "BT": scores.shape[:-1]}[weight]
        weights[weight] = case.tensors[f"sw.{weight}"] = case.draw(shape, "positive")
    case.json.update({"class": name, "args": plain(args), "sample_weights": list(weights), "reductions": REDUCTIONS, "skipped": []})
    for kind in ("float32", "float64"):
        with floats(kind):
            for key, w in weights.items():
                for reduction in REDUCTIONS:
                    made = getattr(keras.losses, name)(**args, reduction=reduction)
                    place = f"{key}.{reduction}"
                    pred = tf.convert_to_tensor(scores.astype(kind))
                    try:
                        with tf.GradientTape() as tape:
                            tape.watch(pred)
                            value = made(tf.convert_to_tensor(cast(truth, kind)), pred, sample_weight=cast(w, kind))
                    except Exception as error:  # noqa: BLE001 - Keras refuses weights that do not fit
                        if kind == "float32":
                            case.json["skipped"].append([place, type(error).__name__])
                        continue
                    case.put(f"val.{place}", array(value), kind)
                    if reduction == "sum_over_batch_size":
                        case.put(f"grad.{place}", array(tape.gradient(value, pred)), kind)


def metric(case, name, args, y_true, y_pred, weighted=False):
    made = getattr(keras.metrics, name)(**args)
    case.json.update({"class": name, "args": plain(args), "object": serialized(made), "batches": [], "direction": getattr(made, "_direction", None)})
    for b in range(3):
        (scores,) = case.inputs([y_pred])
        cut = len(scores) - b % 2
        truth = None if y_true is None else case.inputs([y_true])[0][:cut]
        scores = case.tensors[f"y_pred.{b}"] = scores[:cut]
        weight = case.tensors[f"sw.{b}"] = case.draw((cut,), "positive") if weighted else None
        if weight is None:
            del case.tensors[f"sw.{b}"]
        if truth is None:
            made.update_state(scores, sample_weight=weight)
        else:
            case.tensors[f"y_true.{b}"] = truth
            made.update_state(truth, scores, sample_weight=weight)
        for j, result in enumerate(flat(made.result())):
            case.tensors[f"result.{b}.{j}"] = array(result)
        case.tensors.update({f"var.{b}.{j}": array(v) for j, v in enumerate(made.variables)})
        case.json["batches"].append({"weighted": weighted})
    case.json["variables"] = [{"name": v.name, "shape": list(v.shape)} for v in made.variables]
    made.reset_state()
    case.tensors.update({f"var.reset.{j}": array(v) for j, v in enumerate(made.variables)})


def optimizer(case, build, constraints=None, steps=5):
    shapes = {"kernel": (3, 2), "bias": (2,), "conv_kernel": (2, 1, 2, 2)}
    start = [case.draw(shape) for shape in shapes.values()]
    gradients = [case.draw((steps, *shape)) for shape in shapes.values()]
    for kind in ("float32", "float64"):
        with floats(kind):
            made = build()
            variables = [keras.Variable(p.astype(kind), name=name, dtype=kind) for name, p in zip(shapes, start)]
            for i, constraint in (constraints or {}).items():
                variables[i].constraint = constraint
            paths, rates = [[array(v)] for v in variables], []
            for t in range(steps):
                rates.append(float(array(made.learning_rate)))
                made.apply([tf.constant(g[t].astype(kind)) for g in gradients], variables)
                for path, variable in zip(paths, variables):
                    path.append(array(variable))
            for i, path in enumerate(paths):
                case.put(f"p.{i}", np.stack(path), kind)
            if kind == "float32":
                case.tensors.update({f"g.{i}": g for i, g in enumerate(gradients)})
                case.tensors["lr"] = np.array(rates, np.float32)
                case.tensors.update({f"ov.{j}": array(v) for j, v in enumerate(made.variables)})
                case.json.update({"class": type(made).__name__, "object": serialized(made), "steps": steps,
                                  "constraints": {str(i): serialized(c) for i, c in (constraints or {}).items()},
                                  "variables": [{"name": name} for name in shapes],
                                  "optimizer_variables": [{"path": v.path} for v in made.variables]})
            if made.use_ema:
                made.finalize_variable_values(variables)
                for i, variable in enumerate(variables):
                    case.put(f"p_final.{i}", array(variable), kind)


def schedule(case, build):
    steps = np.array([*range(10), 15, 40, 200], np.int64)
    case.tensors["steps"] = steps
    for kind in ("float32", "float64"):
        with floats(kind):
            made = build()
            case.put("values", np.array([float(array(made(int(step)))) for step in steps], kind), kind)
    case.json.update({"class": type(made).__name__, "object": serialized(build())})


def initializer(case, name, args, shape):
    made = getattr(keras.initializers, name)(**args)
    values = array(made(shape, dtype="float32"))
    case.json.update({"class": name, "object": serialized(made), "shape": list(shape), "check": "exact"})
    if "seed" not in args:
        case.tensors["out.0"] = values
        return
    case.json["check"] = "statistics"
    numbers = values.astype(np.float64)
    case.json["stats"] = {"mean": numbers.mean(), "std": numbers.std(), "min": numbers.min(), "max": numbers.max()}
    if name == "Orthogonal":
        matrix = numbers.reshape(-1, shape[-1])
        gram = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
        case.json.update({"check": "orthogonal", "gram_scale": float(np.diag(gram).mean())})


def regularizer(case, build, shape, twin=True):
    w = case.tensors["w"] = case.draw(shape)
    for kind in ("float32", "float64") if twin else ("float32",):
        with floats(kind):
            made, x = build(), tf.constant(w.astype(kind))
            with tf.GradientTape() as tape:
                tape.watch(x)
                value = made(x)
            case.put("value", array(value), kind)
            case.put("grad", array(tape.gradient(value, x)), kind)
    case.json.update({"class": type(made).__name__, "object": serialized(build())})


def constraint(case, build, shape):
    w = case.tensors["w"] = case.draw(shape)
    for kind in ("float32", "float64"):
        with floats(kind):
            case.put("out", array(build()(tf.constant(w.astype(kind)))), kind)
    case.json.update({"class": type(build()).__name__, "object": serialized(build())})


def random(case, name, args, shape, what="ones"):
    keras.utils.set_random_seed(int(case.random.integers(1, 10**6)))
    x = np.ones(shape, np.float32) if what == "ones" else case.draw(shape)
    made = getattr(keras.layers, name)(**args)
    y = array(made(x, training=True))
    values = np.unique(y)
    case.json.update({"class": name, "object": serialized(made), "input_shape": list(shape), "input": what,
                      "mean": y.mean(dtype=np.float64), "std": y.std(dtype=np.float64), "zero_fraction": float((y == 0).mean()),
                      "distinct_values": plain(values) if len(values) <= 4 else None,
                      "constant_axes": [{"axis": a, "constant_along": bool(np.all(y == np.take(y, [0], a)))} for a in range(y.ndim) if y.shape[a] > 1]})


def augment(case, name, args, x):
    keras.utils.set_random_seed(int(case.random.integers(1, 10**6)))
    (pictures,) = case.inputs([x])
    made = getattr(keras.layers, name)(**args)
    t = tf.constant(pictures)
    drawn = made.get_random_transformation(t, training=True)

    def keep(path, value):
        if isinstance(value, dict):
            for key, one in value.items():
                keep([*path, key], one)
        elif isinstance(value, tuple) and path[-1:] != ["input_shape"]:
            for i, one in enumerate(value):
                keep([*path, str(i)], one)
        elif value is not None:
            one = array(value)
            case.tensors["tr." + ".".join(path)] = one if one.dtype.name in TYPES and one.dtype != np.float64 else one.astype(np.float32)

    keep([], drawn)
    case.tensors.update({"in.0": pictures, "out.0": array(made.transform_images(t, drawn, training=True))})
    case.json.update({"class": name, "object": serialized(made)})


def saved_files(case, model, endings, files, name):
    case.json["files"] = {}
    with tempfile.TemporaryDirectory() as folder:
        for ending in endings:
            path = os.path.join(folder, f"{name}.{ending}")
            model.save_weights(path) if ending == "weights.h5" else model.save(path)
            with open(path, "rb") as file:
                files[f"{name}.{ending}"] = file.read()
            case.json["files"][f"{name}.{ending}"] = {}


def summary(model):
    lines = []
    model.summary(print_fn=lambda text, **_: lines.append(text))
    return "\n".join(lines)


def weight_list(model, prefix):
    return [{"key": f"{prefix}.{i}", "path": v.path, "shape": list(v.shape), "trainable": bool(v.trainable)} for i, v in enumerate(model.weights)]


def start_weights(case, model):
    return [array(v) if "moving" in v.name else case.weight(v) for v in model.weights]


def model(case, build, inputs, files, name, train=False, endings=()):
    values = case.inputs(inputs)
    case.tensors.update({f"in.{i}": v for i, v in enumerate(values)})
    for kind in ("float32", "float64"):
        with floats(kind):
            made = build()
            if kind == "float32":
                weights = start_weights(case, made)
                case.tensors.update({f"w.{i}": w for i, w in enumerate(weights)})
                case.json.update({"class": type(made).__name__, "object": serialized(made), "loss": None, "weights": weight_list(made, "w"),
                                  "count_params": made.count_params(), "summaries": [{"kwargs": {}, "columns": 80, "text": summary(made)}]})
            for training in (False, True) if train else (False,):
                for variable, w in zip(made.weights, weights):
                    variable.assign(w.astype(variable.dtype))
                if kind == "float32" and not training:
                    saved_files(case, made, endings, files, name)
                prefix = "train." if training else ""
                ends = upstream_of(case, "", kind)
                call = lambda xs: made(xs if len(xs) > 1 else xs[0], training=training)
                ys, gxs, gws = derivatives(call, cast(values, kind), made.weights, ends)
                for part, results in (("out", ys), ("gin", gxs), ("gw", gws)):
                    for i, result in enumerate(results):
                        if result is not None and (part != "gw" or made.weights[i].trainable):
                            case.put(f"{prefix}{part}.{i}", array(result), kind)


def train(case, build, compile, inputs, y, files, name, batch=4, epochs=5, endings=()):
    """Steps one by one, and the same by `fit`."""
    values = case.inputs(inputs)
    targets = case.inputs(y if isinstance(y, list) else [y])
    n = len(values[0])
    case.tensors.update({f"in.{i}": v for i, v in enumerate(values)})
    keys = [f"y_true.{i}" for i in range(len(targets))] if len(targets) > 1 else ["y_true"]
    case.tensors.update(dict(zip(keys, targets)))
    case.json.update({"batch_size": batch, "epochs": epochs, "fit": {}, "class_weight": None, "sample_weight": None, "y_true": keys if len(keys) > 1 else keys[0]})
    weights = None
    for kind in ("float32", "float64"):
        with floats(kind):
            def fresh():
                keras.backend.clear_session()
                made = build()
                for variable, w in zip(made.weights, weights or []):
                    variable.assign(w.astype(variable.dtype))
                return made

            def compiled():
                made = fresh()
                made.compile(**compile(), run_eagerly=True, jit_compile=False)
                return made

            if weights is None:
                made = fresh()
                weights = start_weights(case, made)
                case.tensors.update({f"w0.{i}": w for i, w in enumerate(weights)})
                case.json.update({"class": type(made).__name__, "object": serialized(made), "weights": weight_list(made, "w0"),
                                  "compile": {k: serialized(v) for k, v in compile().items()}})
            one = lambda list_: list_ if len(list_) > 1 else list_[0]
            xs, ys = cast(values, kind), cast(targets, kind)
            seen = {"batch_logs": [], "epoch_logs": [], "step_logs": []}
            record = keras.callbacks.LambdaCallback(
                on_train_batch_end=lambda batch, logs: seen["batch_logs"].append({k: float(v) for k, v in logs.items()}),
                on_epoch_end=lambda epoch, logs: seen["epoch_logs"].append({k: float(v) for k, v in logs.items()}))
            made = compiled()
            made.fit(one(xs), one(ys), batch_size=batch, epochs=epochs, shuffle=False, verbose=0, callbacks=[record])
            by_steps = compiled()
            for _ in range(epochs):
                for at in range(0, n, batch):
                    part = lambda list_: one([v[at:at + batch] for v in list_])
                    by_steps.reset_metrics()
                    got = by_steps.train_on_batch(part(xs), part(ys), return_dict=True)
                    seen["step_logs"].append({k: float(v) for k, v in got.items()})
            case.json.update({("" if kind == "float32" else "f64_") + key: value for key, value in seen.items()})
            for i, variable in enumerate(made.weights):
                case.put(f"w1.{i}", array(variable), kind)
            for i, prediction in enumerate(flat(made.predict(one(xs), verbose=0, batch_size=batch))):
                case.put(f"pred.{i}", np.asarray(prediction), kind)
            if kind == "float32":
                scores = made.evaluate(one(xs), one(ys), verbose=0, batch_size=batch, return_dict=True)
                case.json["evaluate_after"] = {k: float(v) for k, v in scores.items()}
                case.tensors.update({f"ov.{j}": array(v) for j, v in enumerate(made.optimizer.variables)})
                case.json["optimizer_variables"] = [{"path": v.path} for v in made.optimizer.variables]
                case.json["summary_after"] = summary(made)
                saved_files(case, made, endings, files, name)


def callback(case, build, logs, rate=0.1):
    keras.backend.clear_session()
    made = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    made.compile(optimizer=keras.optimizers.SGD(rate), loss="mse", metrics=["accuracy"])
    made.evaluate(np.zeros((1, 1)), np.zeros((1, 1)), verbose=0)
    back = build()
    back.set_model(made)
    back.set_params({"epochs": len(logs), "verbose": 0})
    back.on_train_begin()
    trace, rate_now = [], lambda: float(array(made.optimizer.learning_rate))
    made.stop_training = False
    for epoch, of_epoch in enumerate(logs):
        back.on_epoch_begin(epoch)
        before, after = rate_now(), dict(of_epoch)
        made.layers[0].set_weights([np.array([[epoch]], np.float32)])
        back.on_epoch_end(epoch, after)
        best = getattr(back, "best", None)
        trace.append({"lr_in_epoch": before, "lr_after": rate_now(), "stop": bool(made.stop_training), "wait": getattr(back, "wait", None),
                      "cooldown": getattr(back, "cooldown_counter", None), "best": None if best is None else float(best),
                      "logs_after": {k: float(v) for k, v in after.items()}})
        if made.stop_training:
            break
    back.on_train_end()
    known = ("monitor", "min_delta", "patience", "mode", "baseline", "restore_best_weights", "start_from_epoch", "factor", "cooldown", "min_lr")
    args = {k: plain(v) for k, v in vars(back).items() if k in known}
    args["min_delta"] = abs(args["min_delta"])  # Keras gives it the sign of the comparison
    case.json.update({"class": type(back).__name__, "args": args, "initial_lr": rate, "logs": logs, "trace": trace,
                      "weights_from_epoch": float(made.layers[0].get_weights()[0][0, 0])})


def write_safetensors(path, tensors):
    # Widest first, so that every tensor is aligned.
    order = sorted(tensors, key=lambda name: (-tensors[name].dtype.itemsize, name))
    header, at = {}, 0
    for name in order:
        size = tensors[name].nbytes
        header[name] = {"dtype": TYPES[tensors[name].dtype.name], "shape": list(tensors[name].shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in order:
            file.write(np.ascontiguousarray(tensors[name]).tobytes())


def write(folder, cases, files):
    """`cases`: id -> Case."""
    os.makedirs(os.path.join(folder, "files"), exist_ok=True)
    kinds = {}
    for case_id, case in cases.items():
        kinds.setdefault(case_id.split("/")[0], {})[case_id] = case
    for kind, of_kind in kinds.items():
        with open(os.path.join(folder, f"{kind}.json"), "w") as file:
            lines = [json.dumps(i) + ": " + json.dumps(plain({"id": i, "kind": kind, **c.json}), separators=(",", ":")) for i, c in of_kind.items()]
            file.write("{\n" + ",\n".join(lines) + "\n}\n")
        tensors = {f"{i}/{name}": np.asarray(value) for i, c in of_kind.items() for name, value in c.tensors.items()}
        write_safetensors(os.path.join(folder, f"{kind}.safetensors"), tensors)
    for name, content in files.items():
        with open(os.path.join(folder, "files", name), "wb") as file:
            file.write(content)
    with open(os.path.join(folder, "index.json"), "w") as file:
        made_with = {"keras": keras.__version__, "tensorflow": tf.__version__, "numpy": np.__version__}
        listed = [{"id": i, "kind": i.split("/")[0]} for i in cases]
        text = ",\n".join(json.dumps(entry) for entry in listed)
        file.write('{"format": 1, "packed": true, "made_with": ' + json.dumps(made_with) + ', "cases": [\n' + text + "\n]}\n")
