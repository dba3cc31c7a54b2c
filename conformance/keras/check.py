"""Loads every model that Cornu wrote into FOLDER with the real Keras and compares the predictions.

usage: check.py FOLDER

Also takes one more training step with each, so that the compile configuration and the optimizer's
state are used, and checks that the step count goes on from Cornu's. Saves each model again as
NAME.again.keras, for Cornu to load.
"""
import glob
import json
import os
import sys

os.environ.setdefault("KERAS_BACKEND", "jax")
import keras
import numpy as np

TOLERANCE = 1e-5


def read(path):
    with open(path) as file:
        dims = json.loads(file.readline())
        return np.loadtxt(file, dtype=np.float32).reshape(dims)


passed = failed = 0
for path in sorted(glob.glob(os.path.join(sys.argv[1], "*.keras"))):
    if path.endswith(".again.keras"):
        continue
    stem = path[: -len(".keras")]
    try:
        model = keras.saving.load_model(path)
        x, expected = read(stem + ".x.txt"), read(stem + ".prediction.txt")
        got = np.asarray(model.predict(x, verbose=0))
        worst = float(np.abs(got - expected).max() / max(1.0, np.abs(expected).max()))
        assert worst <= TOLERANCE, f"predictions differ by {worst:.2e}"
        steps = int(np.asarray(model.optimizer.iterations))
        assert steps == 4, f"{steps} steps instead of 4 in the optimizer's state"
        model.save(stem + ".again.keras")
        y = np.zeros((len(x), 1 if "sparse" in str(model.loss).lower() else expected.shape[-1]))
        loss = model.train_on_batch(x, y, return_dict=True)["loss"]
        assert np.isfinite(loss), "a further training step gives no finite loss"
        print(f"ok      {os.path.basename(path)}  worst difference {worst:.1e}")
        passed += 1
    except Exception as error:  # noqa: BLE001 - every failure is reported, whatever it is
        print(f"FAILED  {os.path.basename(path)}  {type(error).__name__}: {error}")
        failed += 1
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed or not passed else 0)
