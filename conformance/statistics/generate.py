"""Statistics of predictions as scikit-learn computes them, for the tests of `cornu-stats`.

Random cases with many equal scores. `python conformance/statistics/generate.py` writes
`cases.json` beside itself; with `--check`, compares with what is there and fails if it differs.
"""

import json
import sys
from pathlib import Path

import numpy as np
import sklearn
from sklearn.calibration import calibration_curve
from sklearn import metrics

FILE = Path(__file__).with_name("cases.json")


def binary(random, n, levels, prevalence):
    positive = random.random(n) < prevalence
    positive[0], positive[1] = True, False
    scores = random.random(n) * 0.7 + 0.3 * positive * random.random(n)
    if levels:
        scores = np.round(scores * levels) / levels
    scores = scores.astype(np.float32).astype(float)
    fpr, tpr, roc_thresholds = metrics.roc_curve(positive, scores, drop_intermediate=False)
    precision, recall, pr_thresholds = metrics.precision_recall_curve(positive, scores)
    curves = [
        [list(map(float, values)) for values in calibration_curve(positive, scores, n_bins=bins, strategy=strategy)]
        for bins, strategy in CALIBRATIONS
    ]
    best = int(np.argmax((tpr - fpr)[1:])) + 1
    case = {
        "scores": scores.tolist(),
        "positive": positive.astype(int).tolist(),
        "roc_auc": float(metrics.roc_auc_score(positive, scores)),
        "average_precision": float(metrics.average_precision_score(positive, scores)),
        "brier": float(metrics.brier_score_loss(positive, scores)),
        "calibration": curves,
        "youden": [float(roc_thresholds[best]), float(tpr[best] - fpr[best])],
        "confusion_at_half": metrics.confusion_matrix(positive, scores >= 0.5, labels=[False, True]).tolist(),
    }
    if n <= 60:
        case["roc"] = [fpr.tolist(), tpr.tolist(), roc_thresholds[1:].tolist()]
        case["precision_recall"] = [precision.tolist(), recall.tolist(), pr_thresholds.tolist()]
    return case


CALIBRATIONS = [(5, "uniform"), (10, "uniform"), (4, "quantile"), (10, "quantile")]


def classes(random, n, n_classes):
    labels = random.integers(0, n_classes, n)
    guesses = np.where(random.random(n) < 0.6, labels, random.integers(0, n_classes, n))
    names = list(range(n_classes))
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        labels, guesses, labels=names, zero_division=0
    )
    return {
        "labels": labels.tolist(),
        "predicted": guesses.tolist(),
        "n_classes": n_classes,
        "confusion": metrics.confusion_matrix(labels, guesses, labels=names).tolist(),
        "accuracy": float(metrics.accuracy_score(labels, guesses)),
        "balanced_accuracy": float(metrics.balanced_accuracy_score(labels, guesses)),
        "matthews": float(metrics.matthews_corrcoef(labels, guesses)),
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "f1": f1.tolist(),
        "support": support.tolist(),
    }


def generate():
    random = np.random.default_rng(20261124)
    shapes = [
        (n, levels, prevalence)
        for n in (2, 3, 7, 20, 60, 150)
        for levels in (0, 4, 20)
        for prevalence in (0.5, 0.15)
    ]
    return {
        "scikit-learn": sklearn.__version__,
        "binary": [binary(random, *shape) for shape in shapes],
        "classes": [classes(random, n, k) for n, k in ((12, 2), (30, 3), (80, 5), (200, 9), (5, 4))],
    }


def text(value):
    return json.dumps(value, separators=(",", ":")).replace('},{"scores"', '},\n{"scores"') + "\n"


if __name__ == "__main__":
    made = text(generate())
    if "--check" not in sys.argv:
        FILE.write_text(made)
        sys.exit()
    old, new = json.loads(FILE.read_text()), json.loads(made)
    # Another release may differ in the last digits.
    old.pop("scikit-learn"), new.pop("scikit-learn")

    def compare(a, b, path):
        if isinstance(a, dict):
            assert a.keys() == b.keys(), path
            for key in a:
                compare(a[key], b[key], f"{path}/{key}")
        elif isinstance(a, list):
            assert len(a) == len(b), path
            for i, (x, y) in enumerate(zip(a, b)):
                compare(x, y, f"{path}/{i}")
        else:
            assert abs(a - b) < 1e-9, f"{path}: committed {a}, scikit-learn {b}"

    compare(old, new, "")
    print(f"statistics: {len(new['binary']) + len(new['classes'])} cases agree with scikit-learn {sklearn.__version__}")
