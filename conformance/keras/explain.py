"""Compares maps of attribution with those that Keras makes here, by formulas written down anew.

    explain.py FOLDER          compares what `write_maps` wrote into FOLDER
    explain.py --vectors FILE  writes a small network, pictures and maps, for the tests without Python

Runs on the backends TensorFlow (`KERAS_BACKEND=tensorflow`) and JAX.
"""

import json
import os
import sys

import keras
import numpy as np

BACKEND = keras.backend.backend()


def head(model):
    """The model up to the number before its last activation."""
    last = model.layers[-1]
    before = keras.Model(model.inputs, last.input)

    def logits(x):
        hidden = before(x, training=False)
        return keras.ops.matmul(hidden, last.kernel) + last.bias

    return logits


def score(outputs, cls):
    """Score of a class for each picture: of one unit z for class 1, -z for class 0."""
    if outputs.shape[-1] == 1:
        return outputs[:, 0] * (1.0 if cls == 1 else -1.0)
    return outputs[:, cls]


def gradient(f, x):
    """d sum(f(x)) / dx."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        x = tf.convert_to_tensor(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(f(x))
        return np.asarray(tape.gradient(y, x))
    import jax

    return np.asarray(jax.grad(lambda x: f(x).sum())(jax.numpy.asarray(x)))


def split_at(model, layer):
    """The model as two functions: to the feature maps of `layer`, and on to the logits."""
    below = keras.Model(model.inputs, layer.output)
    index = model.layers.index(layer)

    def above(maps):
        x = maps
        for following in model.layers[index + 1 : -1]:
            x = following(x, training=False)
        last = model.layers[-1]
        return keras.ops.matmul(x, last.kernel) + last.bias

    return lambda x: below(x, training=False), above


def resized(maps, height, width):
    return np.asarray(keras.ops.image.resize(maps[..., None], (height, width), "bilinear"))[..., 0]


def maps_of(model, x, cls, steps=64, seed=0, samples=2048):
    """All maps for pictures `x` and a class, by name."""
    x = np.asarray(x, "float32")
    n, height, width, channels = x.shape
    logits = head(model)
    f = lambda x: score(logits(x), cls)
    out = {"saliency": np.abs(gradient(f, x)).max(-1)}

    rng = np.random.default_rng(seed)
    total = np.zeros(x.shape)
    sigma = 0.15 * (x.max((1, 2, 3), keepdims=True) - x.min((1, 2, 3), keepdims=True))
    for _ in range(samples):
        total += gradient(f, (x + sigma * rng.standard_normal(x.shape)).astype("float32"))
    out["smoothgrad"] = np.abs(total / max(samples, 1)).max(-1)

    per_picture = np.broadcast_to(steps, n)
    integrated = []
    for picture, m in zip(x, per_picture):
        m = int(m)
        t = (np.arange(m) + 0.5) / m
        way, lengths = t**3, 3 * t**2 / m
        steps_taken = gradient(f, (way[:, None, None, None] * picture).astype("float32"))
        mean = (lengths[:, None, None, None] * steps_taken).sum(0)
        integrated.append((picture * mean).sum(-1))
    out["integrated-gradients"] = np.array(integrated)

    layer = [l for l in model.layers if isinstance(l, keras.layers.Conv2D)][-1]
    below, above = split_at(model, layer)
    a = np.asarray(below(x))
    g = gradient(lambda a: score(above(a), cls), a)
    weights = g.mean((1, 2))
    out["grad-cam"] = resized(np.maximum((weights[:, None, None] * a).sum(-1), 0), height, width)

    a64, g64 = a.astype("float64"), g.astype("float64")
    divisor = 2 * g64**2 + g64**3 * a64.sum((1, 2), keepdims=True)
    alpha = g64**2 / np.where(divisor != 0, divisor, 1)
    weights = (alpha * np.maximum(g64, 0)).sum((1, 2))
    cam = np.maximum((weights[:, None, None] * a64).sum(-1), 0).astype("float32")
    out["grad-cam++"] = resized(cam, height, width)

    score_cam = []
    for picture, maps in zip(x, a):
        masks = np.asarray(keras.ops.image.resize(maps, (height, width), "bilinear"))
        low, high = masks.min((0, 1)), masks.max((0, 1))
        masks = (masks - low) / np.where(high > low, high - low, 1)
        seen = picture[None] * masks.transpose(2, 0, 1)[..., None]
        s = np.asarray(f(seen.astype("float32")), "float64")
        s = np.exp(s - s.max())
        score_cam.append(np.maximum((s / s.sum() * maps).sum(-1), 0))
    out["score-cam"] = resized(np.array(score_cam, "float32"), height, width)

    window = max(min(height, width) // 8, 1)
    stride = max(window // 2, 1)
    starts = lambda size: sorted({*range(0, size - window + 1, stride), size - window})
    occlusion = []
    for picture in x:
        fill = picture.mean((0, 1))
        whole = np.asarray(f(picture[None]))[0]
        total, times = np.zeros((height, width)), np.zeros((height, width))
        corners = [(y, c) for y in starts(height) for c in starts(width)]
        covered = np.repeat(picture[None], len(corners), 0)
        for i, (y, c) in enumerate(corners):
            covered[i, y : y + window, c : c + window] = fill
        scores = np.asarray(f(covered))
        for (y, c), s in zip(corners, scores):
            total[y : y + window, c : c + window] += whole - s
            times[y : y + window, c : c + window] += 1
        occlusion.append(total / times)
    out["occlusion"] = np.array(occlusion)
    return out


def correlation(a, b):
    a, b = np.ravel(a).astype("float64"), np.ravel(b).astype("float64")
    if a.std() == 0 or b.std() == 0:
        return 1.0 if np.allclose(a, b, atol=1e-7) else 0.0
    return float(np.corrcoef(a, b)[0, 1])


def compare(folder):
    failures = 0
    for name in ["binary", "classes"]:
        model = keras.models.load_model(os.path.join(folder, f"{name}.keras"))
        x = np.load(os.path.join(folder, f"{name}-pictures.npy"))
        for cls in range(2):
            read = lambda what: np.load(os.path.join(folder, f"{name}-{cls}-{what}.npy"))
            completeness = read("completeness")
            samples = 2048 if cls == 0 else 0
            expected = maps_of(model, x, cls, completeness[:, 0], samples=samples)
            gap = np.abs(completeness[:, 1] / completeness[:, 2] - 1).max()
            logits = head(model)
            scores = np.asarray(score(logits(x), cls)) - np.asarray(score(logits(0 * x), cls))
            off = np.abs(completeness[:, 2] - scores).max() / np.abs(scores).max()
            good = gap <= 0.01 and off < 1e-3
            failures += not good
            print(f"{name} class {cls}: completeness within {100 * gap:.3f} %, score within {off:.1e}"
                  f"{'' if good else '  FAILED'}")
            for method, maps in expected.items():
                if method == "smoothgrad" and samples == 0:
                    continue
                worst = min(correlation(a, b) for a, b in zip(read(method), maps))
                size = np.abs(read(method) - maps).max() / max(np.abs(maps).max(), 1e-30)
                limit = 0.97 if method == "smoothgrad" else 0.999
                failures += worst < limit
                print(f"{name} class {cls} {method:<21} least correlation {worst:.6f}, greatest "
                      f"difference {size:.1e}{'' if worst >= limit else '  FAILED'}")
    if failures:
        sys.exit(f"{failures} comparisons failed")


def write_vectors(path):
    """Two small networks with random weights: 14 x 12 pictures of two channels."""
    cases = []
    for units, activation in [(1, "sigmoid"), (3, "softmax")]:
        keras.utils.set_random_seed(11 + units)
        inputs = keras.Input((14, 12, 2), name="picture")
        x = keras.layers.Rescaling(1 / 128, offset=-1, name="rescaling")(inputs)
        x = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="first")(x)
        x = keras.layers.MaxPooling2D(name="pool")(x)
        x = keras.layers.Conv2D(5, 3, activation="elu", name="second")(x)
        x = keras.layers.Flatten(name="flat")(x)
        x = keras.layers.Dense(6, activation="tanh", name="hidden")(x)
        outputs = keras.layers.Dense(units, activation=activation, name="answer")(x)
        model = keras.Model(inputs, outputs, name=f"small_{activation}")
        x = np.random.default_rng(units).integers(0, 256, (2, 14, 12, 2)).astype("float32")
        for cls in range(max(units, 2)):
            maps = maps_of(model, x, cls, steps=64, samples=2048)
            cases.append({
                "config": json.loads(model.to_json()),
                "weights": [rounded(w.numpy() if hasattr(w, "numpy") else w) for w in model.weights],
                "pictures": rounded(x),
                "class": cls,
                "outputs": rounded(model(x)),
                "scores": rounded(score(head(model)(x), cls)),
                "maps": {name: rounded(value) for name, value in maps.items()},
            })
            if cls == 1:
                break
    with open(path, "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")


def rounded(array):
    """Shape and numbers, with as many digits as `float32` has."""
    array = np.asarray(array, "float32")
    return {"shape": list(array.shape), "data": [float(f"{v:.7g}") for v in array.ravel()]}


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--vectors":
        write_vectors(sys.argv[2])
    elif len(sys.argv) == 2:
        compare(sys.argv[1])
    else:
        sys.exit(__doc__)
