"""Keras's turn in the round trip of every layer, and a checkpoint of every optimizer to go on from.

usage: round_trip.py FOLDER

Loads NAME.keras that Cornu wrote for each layer, compares the prediction with the one in NAME.json, and
saves the model again as NAME.again.keras. Trains a small network five steps with each optimizer, saves
it as optimizer.NAME.keras, and notes in optimizer.NAME.json what the next five steps give.
"""
import glob
import json
import os
import sys

os.environ.setdefault("KERAS_BACKEND", "jax")
import keras
import numpy as np

TOLERANCE = 1e-5
OPTIMIZERS = ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "Nadam", "Ftrl", "Lion", "Lamb", "Adafactor", "Muon"]


if keras.backend.backend() == "tensorflow":
    OPTIMIZERS.append("ScheduleFreeAdamW")  # whose steps on JAX are others


def tensors(arrays):
    return [{"dims": list(np.shape(a)), "data": np.asarray(a, np.float32).ravel().tolist()} for a in arrays]


def arrays(tensors_):
    return [np.array(t["data"], np.float32).reshape(t["dims"]) for t in tensors_]


def layer(stem):
    model = keras.saving.load_model(stem + ".keras")
    with open(stem + ".json") as file:
        data = json.load(file)
    x, expected = arrays(data["x"]), arrays(data["y"])
    got = model.predict(x if len(x) > 1 else x[0], verbose=0, batch_size=len(x[0]))
    got = got if isinstance(got, list) else [got]
    assert [g.shape for g in got] == [e.shape for e in expected], f"shapes {[g.shape for g in got]}, not {[e.shape for e in expected]}"
    for g, e in zip(got, expected):
        worst = float(np.abs(g - e).max() / max(1.0, np.abs(e).max()))
        assert worst <= TOLERANCE, f"predictions differ by {worst:.2e}"
    model.save(stem + ".again.keras")


def optimizer(name, folder):
    keras.utils.set_random_seed(3)
    draw = np.random.default_rng(5)
    x, y = draw.standard_normal((8, 5)).astype("float32"), draw.standard_normal((8, 2)).astype("float32")
    model = keras.Sequential([keras.layers.Input((5,)), keras.layers.Dense(6, activation="tanh"), keras.layers.Dense(2)])
    model.compile(optimizer=getattr(keras.optimizers, name)(0.01), loss="mse")
    for _ in range(5):
        model.train_on_batch(x, y)
    stem = os.path.join(folder, f"optimizer.{name}")
    model.save(stem + ".keras")
    losses = []
    for _ in range(5):
        model.reset_metrics()
        losses.append(float(model.train_on_batch(x, y)))
    with open(stem + ".json", "w") as file:
        json.dump({"x": tensors([x]), "y": tensors([y]), "losses": losses, "weights": tensors(model.get_weights())}, file)


def main(folder):
    failed = 0
    stems = sorted(p[: -len(".json")] for p in glob.glob(os.path.join(folder, "*.json")) if "optimizer." not in p)
    work = [(os.path.basename(s), layer, (s,)) for s in stems] + [(n, optimizer, (n, folder)) for n in OPTIMIZERS]
    for name, run, arguments in work:
        keras.backend.clear_session()
        try:
            run(*arguments)
        except Exception as error:  # noqa: BLE001 - every failure is reported, whatever it is
            text = " ".join(str(error).split())
            print(f"FAILED  {name}  {type(error).__name__}: {text[:300]}")
            failed += 1
    print(f"Keras: {len(stems)} layers, {len(OPTIMIZERS)} optimizers, {failed} failed")
    sys.exit(1 if failed or not stems else 0)


main(sys.argv[1])
