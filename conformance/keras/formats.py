"""Loads every format that Cornu wrote into FOLDER with the real Keras and compares the predictions.

usage: formats.py FOLDER

For each model: NAME.h5 predicts the same, and holds the optimizer's variables that NAME.keras holds,
which after one more step predicts what Cornu does (Keras 3.15 does not train a compiled .h5 model
further, not even one of its own); NAME.json with NAME.weights.h5 predicts the same; the arrays in
NAME.safetensors are the variables of their names. Saves NAME.again.h5, NAME.again.weights.h5 and
NAME.again.json for Cornu to load.
"""
import glob
import json
import os
import sys

os.environ.setdefault("KERAS_BACKEND", "jax")
import h5py
import keras
import numpy as np

TOLERANCE = 1e-5


def read(path):
    with open(path) as file:
        dims = json.loads(file.readline())
        return np.loadtxt(file, dtype=np.float32).reshape(dims)


def read_safetensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    header.pop("__metadata__", None)
    kinds = {"F32": np.float32, "I64": np.int64}
    return {
        name: np.frombuffer(data[slice(*entry["data_offsets"])], kinds[entry["dtype"]]).reshape(entry["shape"])
        for name, entry in header.items()
    }


def close(what, got, expected):
    worst = float(np.abs(np.asarray(got) - expected).max() / max(1.0, np.abs(expected).max()))
    assert worst <= TOLERANCE, f"{what} differs by {worst:.2e}"
    return f"{what} {worst:.1e}"


def check(stem):
    parts = []
    x, y, expected = read(stem + ".x.txt"), read(stem + ".y.txt"), read(stem + ".prediction.txt")
    model = keras.saving.load_model(stem + ".h5")
    parts.append(close("h5", model.predict(x, verbose=0), expected))
    model = keras.saving.load_model(stem + ".keras")
    with h5py.File(stem + ".h5") as file:
        group = file["optimizer_weights"]
        names = list(group.attrs["weight_names"])
        assert len(names) == len(model.optimizer.variables), f"{len(names)} optimizer variables"
        for name, variable in zip(names, model.optimizer.variables):
            assert np.array_equal(group[name][()], np.asarray(variable)), f"{name} differs"
    model.save(stem + ".again.h5")
    model.train_on_batch(x, y)
    parts.append(close("one step on", model.predict(x, verbose=0), read(stem + ".next.txt")))

    with open(stem + ".json") as file:
        network = keras.models.model_from_json(file.read())
    network.load_weights(stem + ".weights.h5")
    parts.append(close("json and weights.h5", network.predict(x, verbose=0), expected))
    network.save_weights(stem + ".again.weights.h5")
    with open(stem + ".again.json", "w") as file:
        file.write(network.to_json())

    arrays = read_safetensors(stem + ".safetensors")
    assert len(arrays) == len(network.weights), f"{len(arrays)} arrays, {len(network.weights)} weights"
    for variable in network.weights:
        # Keras does not put the name of a functional model in front of the paths in it.
        names = [name for name in arrays if name == variable.path or name.endswith("/" + variable.path)]
        assert len(names) == 1, f"no array is called {variable.path}: {list(arrays)}"
        assert np.array_equal(arrays[names[0]], np.asarray(variable)), f"{variable.path} differs"
    parts.append(f"{len(arrays)} safetensors")
    return ", ".join(parts)


passed = failed = 0
for path in sorted(glob.glob(os.path.join(sys.argv[1], "*.safetensors"))):
    stem = path[: -len(".safetensors")]
    try:
        print(f"ok      {os.path.basename(stem)}: {check(stem)}")
        passed += 1
    except Exception as error:  # noqa: BLE001 - every failure is reported, whatever it is
        print(f"FAILED  {os.path.basename(stem)}: {type(error).__name__}: {error}")
        failed += 1
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed or not passed else 0)
