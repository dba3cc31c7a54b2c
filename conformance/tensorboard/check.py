"""Reads event files with TensorBoard's own reader and compares all values with expected.json.

    python check.py FOLDER
"""

import json
import pathlib
import struct
import sys
import zlib

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.graph import keras_util
from tensorboard.util import tensor_util


def close(got, expected, what):
    if abs(got - expected) > 1e-6 * max(1.0, abs(expected)):
        raise SystemExit(f"{what}: expected {expected}, got {got}")


def grey_png(data):
    """Width, height and rows of an 8-bit grey PNG file."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n", "no PNG file"
    at, packed = 8, b""
    while at < len(data):
        (n,), kind = struct.unpack(">I", data[at : at + 4]), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + n]
        if kind == b"IHDR":
            width, height, depth, color = struct.unpack(">IIBB", body[:10])
            assert (depth, color) == (8, 0), "not 8-bit grey"
        if kind == b"IDAT":
            packed += body
        at += 12 + n
    raw, rows, above = zlib.decompress(packed), [], [0] * width
    for y in range(height):
        kind, line = raw[y * (width + 1)], list(raw[y * (width + 1) + 1 : (y + 1) * (width + 1)])
        for x in range(width):
            left = line[x - 1] if x else 0
            corner = above[x - 1] if x else 0
            guess = left + above[x] - corner
            paeth = min((left, above[x], corner), key=lambda v: abs(guess - v))
            add = [0, left, above[x], (left + above[x]) // 2, paeth][kind]
            line[x] = (line[x] + add) % 256
        rows.append(line)
        above = line
    return width, height, rows


def read(folder):
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    tensors = {tag: events.Tensors(tag) for tag in events.Tags()["tensors"]}
    plugins = {tag: events.SummaryMetadata(tag).plugin_data.plugin_name for tag in tensors}
    return tensors, plugins


def main(folder):
    expected = json.loads((folder / "expected.json").read_text())
    n_epochs = len(expected["epochs"]["loss"])
    n_values = 0
    train, train_plugins = read(folder / "train")
    validation, validation_plugins = read(folder / "validation")
    used = set()

    def scalars(tensors, plugins, tag, steps, values):
        nonlocal n_values
        assert plugins[tag] == "scalars", (tag, plugins[tag])
        got = tensors[tag]
        assert [event.step for event in got] == list(steps), (tag, [event.step for event in got])
        for event, value in zip(got, values):
            close(float(tensor_util.make_ndarray(event.tensor_proto)), value, tag)
            n_values += 1
        used.add(tag)

    n_batches = len(expected["batches"])
    for name, values in expected["epochs"].items():
        if name.startswith("val_"):
            name = name[4:]
            scalars(validation, validation_plugins, f"epoch_{name}", range(n_epochs), values)
            steps = [n_batches // n_epochs * (epoch + 1) for epoch in range(n_epochs)]
            tag = f"evaluation_{name}_vs_iterations"
            scalars(validation, validation_plugins, tag, steps, values)
        else:
            scalars(train, train_plugins, f"epoch_{name}", range(n_epochs), values)
    scalars(train, train_plugins, "epoch_learning_rate", range(n_epochs), [0.001] * n_epochs)
    for name in expected["batches"][0]:
        values = [logs[name] for logs in expected["batches"]]
        scalars(train, train_plugins, f"batch_{name}", range(1, n_batches + 1), values)

    for epoch, weights in enumerate(expected["weights"]):
        for name, weight in weights.items():
            values, shape = weight["values"], [n for n in weight["shape"] if n != 1]
            tag = f"{name}/histogram"
            assert train_plugins[tag] == "histograms"
            buckets = tensor_util.make_ndarray(train[tag][epoch].tensor_proto)
            assert buckets.shape == (30, 3) and train[tag][epoch].step == epoch
            assert buckets[:, 2].sum() == len(values)
            close(buckets[0, 0], min(values), tag)
            close(buckets[-1, 1], max(values), tag)
            edges = list(buckets[1:, 0]) + [float("inf")]
            for i, edge in enumerate(edges):
                # Values on an edge may lie on either side of it, as edges are rounded.
                slack = 1e-9 * max(1.0, abs(edge))
                below = sum(1 for value in values if value < edge - slack)
                most = sum(1 for value in values if value < edge + slack)
                assert below <= buckets[: i + 1, 2].sum() <= most, (tag, i)
            used.add(tag)
            n_values += buckets.size
            tag = f"{name}/image"
            if len(shape) > 3:
                assert tag not in train
                continue
            assert train_plugins[tag] == "images"
            width, height, *pictures = tensor_util.make_ndarray(train[tag][epoch].tensor_proto)
            low, high = min(values), max(values)
            grey = [round(255 * (v - low) / (high - low)) if low < high else 0 for v in values]
            if len(shape) == 3:
                expected_pictures = [grey[i :: shape[2]] for i in range(min(3, shape[2]))]
            elif len(shape) == 2 and shape[0] > shape[1]:
                expected_pictures = [[grey[r * shape[1] + c] for c in range(shape[1]) for r in range(shape[0])]]
            else:
                expected_pictures = [grey]
            assert len(pictures) == len(expected_pictures), tag
            for picture, pixels in zip(pictures, expected_pictures):
                w, h, rows = grey_png(picture)
                assert (w, h) == (int(width), int(height)), tag
                flat = [pixel for row in rows for pixel in row]
                assert all(abs(a - b) <= 1 for a, b in zip(flat, pixels)), tag
                n_values += len(flat)
            used.add(tag)

    assert train_plugins["keras"] == "graph_keras_model"
    model = tensor_util.make_ndarray(train["keras"][0].tensor_proto).item()
    assert json.loads(model) == json.loads(expected["model"])
    nodes = [node.name for node in keras_util.keras_model_to_graph_def(json.loads(model)).node]
    assert any("conv2d" in node for node in nodes) and any("dense" in node for node in nodes), nodes
    assert train_plugins["model_summary"] == "text"
    text = tensor_util.make_ndarray(train["model_summary"][0].tensor_proto).item().decode()
    lines = [line[4:] for line in text.splitlines()]
    assert lines == expected["summary"].splitlines(), "model_summary"
    used |= {"keras", "model_summary"}
    left = (set(train) | set(validation)) - used
    assert not left, f"values that nobody expected: {left}"
    print(f"tensorboard: {len(used)} tags, {n_values} values read back; graph of {len(nodes)} nodes")


main(pathlib.Path(sys.argv[1]))
