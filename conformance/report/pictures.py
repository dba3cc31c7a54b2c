"""A small set of three classes of shapes with all that a report must cope with, and a network for it.

`python3 conformance/report/pictures.py FOLDER` writes FOLDER/shapes and FOLDER/shapes.json. Needs
nothing but Python: pictures are written as grey PNG files by hand.
"""

import json
import random
import struct
import sys
import zlib
from pathlib import Path

SIDE = 48


def png(path, rows):
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    data = b"".join(b"\0" + bytes(row) for row in rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    )


def shape(kind, draw):
    x, y, size = draw.uniform(16, 32), draw.uniform(16, 32), draw.uniform(7, 13)
    ground, slope = draw.uniform(20, 90), draw.uniform(-1, 1)

    def inside(i, j):
        dx, dy = abs(j - x), abs(i - y)
        return (
            dx * dx + dy * dy < size * size
            if kind == 0
            else max(dx, dy) < 0.85 * size
            if kind == 1
            else min(dx, dy) < 0.3 * size and max(dx, dy) < size
        )

    def level(i, j):
        return min(255, max(0, int(ground + slope * j + 100 * inside(i, j) + draw.gauss(0, 14))))

    return [[level(i, j) for j in range(SIDE)] for i in range(SIDE)]


def network():
    def layer(kind, name, source, **config):
        history = [{"class_name": "__keras_tensor__", "config": {"shape": [], "dtype": "float32", "keras_history": [source, 0, 0]}}]
        return {
            "module": "keras.layers",
            "class_name": kind,
            "config": {"name": name, **config},
            "registered_name": None,
            "name": name,
            "inbound_nodes": [{"args": history, "kwargs": {}}] if source else [],
        }

    conv = {"kernel_size": [3, 3], "padding": "same", "activation": "relu"}
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": {
            "name": "shapes",
            "trainable": True,
            "layers": [
                layer("InputLayer", "image", None, batch_shape=[None, SIDE, SIDE, 1], dtype="float32"),
                layer("Conv2D", "conv", "image", filters=8, **conv),
                layer("MaxPooling2D", "pool", "conv"),
                layer("Conv2D", "conv_1", "pool", filters=12, **conv),
                layer("GlobalAveragePooling2D", "mean", "conv_1"),
                layer("Dense", "answer", "mean", units=3, activation="softmax"),
            ],
            "input_layers": [["image", 0, 0]],
            "output_layers": [["answer", 0, 0]],
        },
    }


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    draw = random.Random(5)
    names = ["a disc", "squares <b>", "crosses & a name that is far too long"]
    lines = ["file,class,split"]
    copied = None
    for kind, (name, n) in enumerate(zip(names, (90, 60, 24))):
        for i in range(n):
            split = ("train", "train", "train", "val", "test", "test")[i % 6]
            rows = shape(kind, draw)
            if kind == 0 and i == 0:
                copied = rows
            if kind == 0 and i == 4:
                rows = [[min(255, level + 9) for level in row] for row in copied]
            file = f"{kind}/{i:03}.png"
            png(folder / "shapes" / file, rows)
            lines.append(f'{file},"{name}",{split}')
    (folder / "shapes" / "manifest.csv").write_text("\n".join(lines) + "\n")
    (folder / "shapes.json").write_text(json.dumps(network()))
