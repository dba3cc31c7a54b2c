"""Makes the reference vectors of this folder: a selection over all kinds, small enough to keep here.

usage: generate.py [--out FOLDER] [--only TEXT]     (needs keras 3.15.1, tensorflow and h5py)

Numbers depend on the id of a case only, so that a new case changes no other; saved files hold a date.
"""
import argparse
import os
import sys

from write import Case, augment, callback, constraint, function, initializer, layer, loss, metric, model, optimizer, random, regularizer, schedule, train, write

import keras

L, S = keras.layers, keras.optimizers.schedules
FIRST = {"data_format": "channels_first"}


def layers(add):
    def one(name, build, *inputs, **how):
        add("layer", name, layer, build, list(inputs), **how)

    one("dense-gelu-regularized", lambda: L.Dense(3, activation="gelu", kernel_regularizer="l2", activity_regularizer="l1"), (4, 5), train=True)
    one("dense-rank3-selu", lambda: L.Dense(2, activation="selu", use_bias=False), (2, 3, 4))
    one("einsumdense", lambda: L.EinsumDense("abc,cde->abde", (None, 2, 2), bias_axes="de"), (2, 3, 4))
    one("einsumdense-permuted", lambda: L.EinsumDense("abcd,dce->aeb", (3, None), bias_axes="e"), (2, 4, 3, 2))
    one("embedding", lambda: L.Embedding(5, 2, mask_zero=True), ((3, 4), "below5"))
    one("conv1d-causal-dilated", lambda: L.Conv1D(3, 3, padding="causal", dilation_rate=2, activation="elu"), (2, 6, 2))
    one("conv2d-even-same-strided", lambda: L.Conv2D(3, (2, 4), strides=(2, 1), padding="same"), (1, 5, 6, 2))
    one("conv2d-groups-dilated", lambda: L.Conv2D(4, 3, groups=2, dilation_rate=(2, 1), padding="same", activation="relu"), (1, 6, 5, 4))
    one("conv2d-channels-first-strided", lambda: L.Conv2D(2, 3, strides=2, **FIRST), (2, 2, 5, 7), compiled=True)
    one("conv2d-one-pixel", lambda: L.Conv2D(2, 3, padding="same"), (2, 1, 1, 3))
    one("conv3d-strided", lambda: L.Conv3D(2, (2, 3, 1), strides=(1, 2, 1), padding="same"), (1, 3, 4, 2, 2))
    one("conv1dtranspose-output-padding", lambda: L.Conv1DTranspose(2, 3, strides=2, output_padding=1), (2, 3, 2))
    one("conv2dtranspose-same", lambda: L.Conv2DTranspose(2, (3, 2), strides=2, padding="same", activation="relu"), (1, 3, 2, 2))
    one("conv2dtranspose-sparse", lambda: L.Conv2DTranspose(2, 2, strides=3), (1, 2, 3, 1))
    one("conv3dtranspose", lambda: L.Conv3DTranspose(1, 2, strides=(2, 1, 2)), (1, 2, 2, 2, 2))
    one("depthwiseconv1d", lambda: L.DepthwiseConv1D(2, strides=2, depth_multiplier=2), (2, 5, 2))
    one("depthwiseconv2d-same", lambda: L.DepthwiseConv2D((2, 3), strides=2, padding="same", depth_multiplier=2), (1, 5, 6, 2))
    one("separableconv1d", lambda: L.SeparableConv1D(3, 2, padding="same"), (2, 4, 2))
    one("separableconv2d", lambda: L.SeparableConv2D(3, 3, dilation_rate=2, activation="tanh"), (1, 6, 6, 2))
    one("maxpooling1d-same", lambda: L.MaxPooling1D(3, strides=2, padding="same"), (2, 6, 2))
    one("maxpooling2d-ties", lambda: L.MaxPooling2D(2, strides=1), ((2, 4, 4, 2), "ties"))
    one("maxpooling2d-channels-first", lambda: L.MaxPooling2D((3, 2), padding="same", **FIRST), (1, 2, 5, 5))
    one("maxpooling3d", lambda: L.MaxPooling3D(2), (1, 4, 3, 2, 2), twin=False)
    one("averagepooling2d-uneven-same", lambda: L.AveragePooling2D(3, strides=2, padding="same"), (1, 5, 4, 2))
    one("averagepooling3d", lambda: L.AveragePooling3D((1, 2, 3), strides=1), (1, 2, 3, 4, 1), twin=False)
    one("globalaveragepooling1d-mask", lambda: L.GlobalAveragePooling1D(), (3, 4, 2), kwargs={"mask": ((3, 4), "mask")})
    one("globalaveragepooling2d-keepdims", lambda: L.GlobalAveragePooling2D(keepdims=True), (2, 3, 2, 3))
    one("globalmaxpooling2d", lambda: L.GlobalMaxPooling2D(**FIRST), (2, 3, 2, 3))
    one("adaptiveaveragepooling2d", lambda: L.AdaptiveAveragePooling2D((3, 2)), (1, 5, 3, 2))
    one("adaptivemaxpooling1d", lambda: L.AdaptiveMaxPooling1D(3), (2, 6, 2))
    one("batchnormalization", lambda: L.BatchNormalization(momentum=0.8, epsilon=1e-2), (3, 2, 3, 2), train=True)
    one("batchnormalization-axis1-plain", lambda: L.BatchNormalization(axis=1, center=False, scale=False), (4, 3, 2), train=True)
    one("batchnormalization-one-sample", lambda: L.BatchNormalization(), (1, 3), train=True)
    one("layernormalization-axes", lambda: L.LayerNormalization(axis=[1, 2], scale=False), (2, 3, 4))
    one("groupnormalization", lambda: L.GroupNormalization(2), (2, 3, 4))
    one("rmsnormalization", lambda: L.RMSNormalization(), (2, 5))
    one("unitnormalization-axis1", lambda: L.UnitNormalization(axis=1), (2, 4, 3))
    one("spectralnormalization", lambda: L.SpectralNormalization(L.Dense(3)), (2, 4), gradients=False)
    one("flatten-channels-first", lambda: L.Flatten(**FIRST), (2, 3, 2, 2))
    one("reshape-inferred", lambda: L.Reshape((2, -1)), (3, 3, 4))
    one("permute", lambda: L.Permute((3, 1, 2)), (2, 2, 3, 4))
    one("repeatvector", lambda: L.RepeatVector(3), (2, 3))
    one("zeropadding2d", lambda: L.ZeroPadding2D(((1, 0), (0, 2))), (1, 2, 3, 2))
    one("zeropadding3d", lambda: L.ZeroPadding3D((1, 0, 2)), (1, 2, 2, 1, 1))
    one("cropping2d", lambda: L.Cropping2D(((1, 0), (1, 1))), (1, 4, 4, 2))
    for method in ("nearest", "bilinear", "bicubic"):  # which TensorFlow computes in float32 whatever it is given
        one(f"upsampling2d-{method}", lambda method=method: L.UpSampling2D((2, 3), interpolation=method), (1, 2, 3, 2), twin=method == "nearest")
    one("add-broadcast", lambda: L.Add(), (2, 3, 1), (2, 1, 4), call="list")
    one("subtract", lambda: L.Subtract(), (2, 3), (2, 3), call="list")
    one("multiply-three", lambda: L.Multiply(), (2, 3), (2, 1), (2, 3), call="list")
    one("maximum", lambda: L.Maximum(), (3, 4), (3, 4), call="list")
    one("average", lambda: L.Average(), (3, 4), (3, 4), (3, 4), call="list")
    one("concatenate", lambda: L.Concatenate(axis=1), (2, 1, 3), (2, 2, 3), call="list")
    one("dot-normalized", lambda: L.Dot(axes=(2, 1), normalize=True), (2, 3, 4), (2, 4, 2), call="list")
    one("dot-vector-matrix", lambda: L.Dot(axes=(1, 2), normalize=True), (2, 4), (2, 3, 4), call="list")
    one("dot-rank4", lambda: L.Dot(axes=(2, 3)), (2, 3, 2, 4), (2, 3, 1, 2), call="list")
    one("prelu-shared", lambda: L.PReLU(shared_axes=[1]), (2, 3, 4))
    one("relu-all", lambda: L.ReLU(max_value=1.5, negative_slope=0.25, threshold=0.5), (4, 6))
    one("softmax-axes-mask", lambda: L.Softmax(axis=[1, 2]), (2, 3, 4), kwargs={"mask": ((2, 3, 4), "mask")})
    one("dropout-inference", lambda: L.Dropout(0.5), (2, 3))
    one("activityregularization", lambda: L.ActivityRegularization(l1=0.1, l2=0.2), (2, 3), train=True)
    one("rescaling", lambda: L.Rescaling(1 / 255, offset=-0.5), ((1, 2, 2, 3), "pixels"))
    one("normalization", lambda: L.Normalization(mean=[1.0, 2.0], variance=[4.0, 0.25]), (3, 2))
    one("normalization-nested", lambda: L.Normalization(axis=(1, 2), mean=[[1.0, 2.0], [3.0, 4.0], [0.0, 1.0]], variance=[[1.0, 4.0], [9.0, 1.0], [2.0, 3.0]]), (2, 3, 2))
    one("normalization-last-axis", lambda: L.Normalization(axis=(1, 2), mean=[1.0, 2.0], variance=[4.0, 0.25], invert=True), (2, 3, 2))
    one("centercrop", lambda: L.CenterCrop(3, 2), (1, 6, 5, 2))
    for method in ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"):
        one(f"resizing-{method}", lambda method=method: L.Resizing(3, 5, interpolation=method), (1, 5, 4, 2), gradients=method in ("nearest", "bilinear"), twin=False)
    one("resizing-antialias", lambda: L.Resizing(2, 3, antialias=True), (1, 7, 8, 1), gradients=False, twin=False)
    one("categoryencoding", lambda: L.CategoryEncoding(4, "count"), ((2, 5), "below4"), gradients=False)
    one("categoryencoding-weighted", lambda: L.CategoryEncoding(4, "count"), ((2, 5), "below4"), gradients=False, kwargs={"count_weights": ((2, 5), "positive")})
    one("activation-glu", lambda: L.Activation("glu"), (2, 3, 4))
    one("attention-causal", lambda: L.Attention(use_scale=True), (2, 3, 4), (2, 3, 4), call="list", kwargs={"use_causal_mask": True})
    one("additiveattention", lambda: L.AdditiveAttention(), (2, 3, 4), (2, 5, 4), call="list")
    one("multiheadattention", lambda: L.MultiHeadAttention(2, 2, value_dim=3), (2, 3, 4), (2, 4, 4), call="args", kwargs={"attention_mask": ((2, 3, 4), "mask")})
    one("multiheadattention-masks", lambda: L.MultiHeadAttention(2, 2), (2, 3, 4), (2, 4, 4), call="args", kwargs={"query_mask": ((2, 3), "mask"), "value_mask": ((2, 4), "mask")})
    one("groupqueryattention", lambda: L.GroupQueryAttention(2, 4, 2), (2, 3, 4), (2, 3, 4), call="args")
    for name in ("LSTM", "GRU", "SimpleRNN"):
        kind = getattr(L, name)
        one(f"{name.lower()}-states", lambda kind=kind: kind(2, return_sequences=True, return_state=True), (2, 3, 2))
        one(f"{name.lower()}-mask", lambda kind=kind: kind(2, go_backwards=True), (3, 4, 2), kwargs={"mask": ((3, 4), "mask")})
    one("gru-reset-before", lambda: L.GRU(2, reset_after=False), (2, 3, 2))
    one("bidirectional", lambda: L.Bidirectional(L.LSTM(2), merge_mode="mul"), (2, 3, 2))
    one("timedistributed", lambda: L.TimeDistributed(L.Conv1D(2, 2)), (2, 2, 4, 2))
    one("convlstm1d", lambda: L.ConvLSTM1D(2, 2), (1, 3, 4, 1))


def functions(add):
    for name in ("relu", "relu6", "sigmoid", "tanh", "softmax", "log_softmax", "softplus", "softsign", "silu", "gelu", "elu", "selu", "celu", "leaky_relu", "hard_sigmoid",
                 "hard_silu", "hard_tanh", "exponential", "mish", "log_sigmoid", "tanh_shrink", "soft_shrink", "hard_shrink", "squareplus", "sparse_plus",
                 "sparse_sigmoid", "glu", "threshold", "sparsemax", "linear"):
        kwargs = {"threshold": 0.3, "default_value": 2.0} if name == "threshold" else {}
        add("activation", name.replace("_", "-"), function, name, [(3, 4)], kwargs, where=keras.activations)
    add("activation", "softmax-first-axis", function, "softmax", [(3, 4)], {"axis": 0}, where=keras.activations)
    add("activation", "relu-limited-from-below-0", function, "relu", [(3, 6)], {"threshold": -1.0, "max_value": 0.5}, where=keras.activations)
    add("activation", "gelu-approximate", function, "gelu", [(3, 4)], {"approximate": True}, where=keras.activations)

    def op(slug, name, inputs, kwargs, **how):
        add("op", slug, function, name, inputs, kwargs, where=keras.ops, **how)

    for method in ("nearest", "bilinear", "bicubic"):
        op(f"resize-{method}", "image.resize", [(1, 4, 3, 2)], {"size": (6, 2), "interpolation": method}, twin=False, gradients=method == "bilinear")
    op("rgb-to-grayscale", "image.rgb_to_grayscale", [((1, 2, 3, 3), "pixels")], {})
    op("rgb-to-hsv", "image.rgb_to_hsv", [((1, 2, 3, 3), "uniform")], {}, gradients=False)
    op("hsv-to-rgb", "image.hsv_to_rgb", [((1, 2, 3, 3), "uniform")], {}, gradients=False)
    op("extract-patches", "image.extract_patches", [(1, 4, 5, 2)], {"size": (2, 3), "strides": (1, 2), "padding": "same"})
    op("pad-images", "image.pad_images", [(2, 3, 1)], {"top_padding": 1, "left_padding": 0, "target_height": 4, "target_width": 5})
    op("crop-images", "image.crop_images", [(1, 5, 4, 2)], {"top_cropping": 2, "left_cropping": 1, "bottom_cropping": 1, "right_cropping": 0})
    op("one-hot", "nn.one_hot", [((2, 3), "below4")], {"num_classes": 4, "axis": 1}, gradients=False)
    op("moments", "nn.moments", [(3, 4)], {"axes": [0], "keepdims": True})
    op("logsumexp", "logsumexp", [(2, 3, 2)], {"axis": (0, 2)})


def losses(add):
    def one(slug, name, args, y_true, y_pred, weight="B"):
        add("loss", slug, loss, name, args, y_true, y_pred, weight)

    for name in ("MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "LogCosh", "Huber"):
        one(name.lower(), name, {}, (4, 3), (4, 3))
    one("huber-delta", "Huber", {"delta": 0.3}, (3, 2, 2), (3, 2, 2), "BT")
    one("meansquaredlogarithmicerror", "MeanSquaredLogarithmicError", {}, ((4, 2), "positive"), ((4, 2), "positive"))
    one("poisson", "Poisson", {}, ((4, 2), "positive"), ((4, 2), "positive"))
    one("kldivergence", "KLDivergence", {}, ((4, 3), "shares"), ((4, 3), "shares"))
    one("cosinesimilarity", "CosineSimilarity", {"axis": 1}, (3, 4, 2), (3, 4, 2))
    for name in ("Hinge", "SquaredHinge"):
        one(name.lower(), name, {}, ((4, 3), "sign"), (4, 3))
    one("categoricalhinge", "CategoricalHinge", {}, ((4, 3), "onehot"), (4, 3))
    one("binarycrossentropy-smoothed", "BinaryCrossentropy", {"label_smoothing": 0.1}, ((5, 1), "binary"), ((5, 1), "uniform"), "B1")
    one("binarycrossentropy-logits", "BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.2}, ((5, 2), "binary"), (5, 2))
    one("binaryfocalcrossentropy", "BinaryFocalCrossentropy", {"gamma": 1.5, "apply_class_balancing": True}, ((5, 2), "binary"), ((5, 2), "uniform"))
    one("categoricalcrossentropy-smoothed", "CategoricalCrossentropy", {"label_smoothing": 0.1}, ((4, 3), "onehot"), ((4, 3), "shares"))
    one("categoricalcrossentropy-logits", "CategoricalCrossentropy", {"from_logits": True}, ((2, 3, 4), "shares"), (2, 3, 4), "BT")
    one("categoricalfocalcrossentropy", "CategoricalFocalCrossentropy", {"alpha": 0.4}, ((4, 3), "onehot"), ((4, 3), "shares"))
    one("sparsecategoricalcrossentropy", "SparseCategoricalCrossentropy", {}, ((4,), "below3"), ((4, 3), "shares"))
    one("sparsecategoricalcrossentropy-ignored", "SparseCategoricalCrossentropy", {"from_logits": True, "ignore_class": 1}, ((2, 3), "below3"), (2, 3, 3), "BT")
    one("dice", "Dice", {}, ((2, 3, 2), "binary"), ((2, 3, 2), "uniform"))
    one("circle", "Circle", {}, ((6,), "below3"), ((6, 4), "shares"))
    one("circle-alone", "Circle", {"gamma": 5.0, "margin": 0.3, "remove_diagonal": False}, ((5, 1), "below4"), (5, 3))
    one("tversky", "Tversky", {"alpha": 0.3, "beta": 0.7}, ((3, 4), "binary"), ((3, 4), "uniform"))


def metrics(add):
    def one(slug, name, args, y_true, y_pred, weighted=False):
        add("metric", slug, metric, name, args, y_true, y_pred, weighted)

    one("accuracy", "Accuracy", {}, ((6, 1), "below3"), ((6, 1), "below3"))
    one("binaryaccuracy", "BinaryAccuracy", {"threshold": 0.4}, ((6, 2), "binary"), ((6, 2), "uniform"), True)
    one("categoricalaccuracy", "CategoricalAccuracy", {}, ((6, 3), "onehot"), ((6, 3), "ties"), True)
    one("sparsecategoricalaccuracy", "SparseCategoricalAccuracy", {}, ((6, 1), "below3"), (6, 3))
    one("topk", "TopKCategoricalAccuracy", {"k": 2}, ((6, 4), "onehot"), ((6, 4), "ties"))
    for name in ("Precision", "Recall"):
        one(f"{name.lower()}-thresholds", name, {"thresholds": [0.2, 0.7]}, ((7,), "binary"), ((7,), "uniform"), True)
        one(f"{name.lower()}-top-class", name, {"top_k": 2, "class_id": 1}, ((6, 3), "onehot"), ((6, 3), "shares"), True)
    for name in ("TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives"):
        one(name.lower(), name, {"thresholds": [0.3, 0.6]}, ((6, 2), "binary"), ((6, 2), "uniform"), True)
    for curve in ("ROC", "PR"):
        for method in ("interpolation", "majoring", "minoring"):
            one(f"auc-{curve}-{method}".lower(), "AUC", {"curve": curve, "summation_method": method, "num_thresholds": 9}, ((8,), "binary"), ((8,), "uniform"), True)
    one("auc-multilabel", "AUC", {"multi_label": True, "num_thresholds": 6}, ((8, 2), "binary"), ((8, 2), "uniform"))
    for name in ("MeanSquaredError", "RootMeanSquaredError", "MeanAbsoluteError", "CosineSimilarity", "LogCoshError", "R2Score"):
        one(name.lower(), name, {}, (5, 3), (5, 3), True)
    one("binarycrossentropy", "BinaryCrossentropy", {"label_smoothing": 0.1}, ((5, 2), "binary"), ((5, 2), "binary"))
    one("categoricalcrossentropy", "CategoricalCrossentropy", {"from_logits": True}, ((5, 3), "onehot"), (5, 3), True)
    one("sparsecategoricalcrossentropy", "SparseCategoricalCrossentropy", {}, ((5,), "below3"), ((5, 3), "shares"))
    one("kldivergence", "KLDivergence", {}, ((5, 3), "shares"), ((5, 3), "shares"))
    one("hinge", "Hinge", {}, ((5, 3), "binary"), (5, 3))
    for average in (None, "micro", "macro", "weighted"):
        one(f"f1score-{average}".lower(), "F1Score", {"average": average, "threshold": 0.5}, ((6, 3), "binary"), ((6, 3), "uniform"), True)
    one("fbetascore", "FBetaScore", {"beta": 2.0}, ((6, 3), "onehot"), ((6, 3), "shares"))
    one("meaniou", "MeanIoU", {"num_classes": 3}, ((3, 4), "below3"), ((3, 4), "below3"))
    one("onehotiou-weighted", "OneHotIoU", {"num_classes": 3, "target_class_ids": [0, 2]}, ((6, 3), "onehot"), ((6, 3), "shares"), True)
    one("precisionatrecall", "PrecisionAtRecall", {"recall": 0.5, "num_thresholds": 9}, ((8,), "binary"), ((8,), "uniform"))
    one("sensitivityatspecificity", "SensitivityAtSpecificity", {"specificity": 0.5, "num_thresholds": 9}, ((8,), "binary"), ((8,), "uniform"))
    one("pearsoncorrelation", "PearsonCorrelation", {}, (5, 4), (5, 4))
    one("concordancecorrelation-axis1", "ConcordanceCorrelation", {"axis": 1}, (5, 3, 2), (5, 3, 2))


def optimizers(add):
    O = keras.optimizers
    for name, args in (("SGD", {}), ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}), ("SGD", {"gradient_accumulation_steps": 2, "clipnorm": 0.5}),
                       ("Adam", {"amsgrad": True, "global_clipnorm": 1.0}), ("Adam", {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 2}),
                       ("AdamW", {"weight_decay": 0.2, "clipvalue": 0.3}), ("RMSprop", {"centered": True, "momentum": 0.5}), ("Adagrad", {}), ("Adadelta", {}), ("Adamax", {}),
                       ("Nadam", {}), ("Ftrl", {"l1_regularization_strength": 0.05, "l2_regularization_strength": 0.1}), ("Lion", {"weight_decay": 0.1}), ("Lamb", {}),
                       ("Adafactor", {}), ("Muon", {}), ("ScheduleFreeAdamW", {})):
        slug = "-".join([name.lower(), *args]).replace("_", "-")
        add("optimizer", slug, optimizer, lambda name=name, args=args: getattr(O, name)(0.05, **args))
    add("optimizer", "sgd-constraints", optimizer, lambda: O.SGD(0.1), {0: keras.constraints.UnitNorm(), 1: keras.constraints.NonNeg(), 2: keras.constraints.MaxNorm(0.5, axis=[0, 1, 2])})
    add("optimizer", "adam-cosine", optimizer, lambda: O.Adam(S.CosineDecay(0.01, 4, warmup_target=0.1, warmup_steps=2)))
    add("schedule", "exponentialdecay", schedule, lambda: S.ExponentialDecay(0.1, 4, 0.5, staircase=True))
    add("schedule", "piecewiseconstantdecay", schedule, lambda: S.PiecewiseConstantDecay([2, 6], [0.3, 0.2, 0.1]))
    add("schedule", "polynomialdecay", schedule, lambda: S.PolynomialDecay(0.1, 6, 0.01, power=2.0, cycle=True))
    add("schedule", "inversetimedecay", schedule, lambda: S.InverseTimeDecay(0.1, 3, 0.5))
    add("schedule", "cosinedecay", schedule, lambda: S.CosineDecay(0.0, 8, alpha=0.1, warmup_target=0.1, warmup_steps=3))
    add("schedule", "cosinedecayrestarts", schedule, lambda: S.CosineDecayRestarts(0.1, 3, m_mul=0.8, alpha=0.05))
    for name in ("GlorotUniform", "GlorotNormal", "HeUniform", "HeNormal", "LecunUniform", "LecunNormal", "RandomNormal", "RandomUniform", "TruncatedNormal"):
        add("initializer", name.lower(), initializer, name, {"seed": 5}, (20, 3, 40))
    add("initializer", "variancescaling", initializer, "VarianceScaling", {"scale": 2.0, "mode": "fan_avg", "distribution": "uniform", "seed": 5}, (40, 60))
    add("initializer", "stft", initializer, "STFT", {"side": "imag", "window": "hamming", "scaling": "spectrum", "periodic": True}, (8, 1, 5))
    add("initializer", "stft-real", initializer, "STFT", {}, (6, 1, 4))
    add("initializer", "orthogonal", initializer, "Orthogonal", {"gain": 1.5, "seed": 5}, (3, 2, 4))
    for name, args in (("Zeros", {}), ("Ones", {}), ("Constant", {"value": 0.25}), ("Identity", {"gain": 2.0})):
        add("initializer", name.lower(), initializer, name, args, (3, 4))
    R, N = keras.regularizers, keras.constraints
    for name, build in (("l1", lambda: R.L1(0.1)), ("l2", lambda: R.L2(0.1)), ("l1l2", lambda: R.L1L2(0.1, 0.2)), ("orthogonal", lambda: R.OrthogonalRegularizer(0.1, mode="columns"))):
        add("regularizer", name, regularizer, build, (3, 4), twin=name != "orthogonal")
    for name, build in (("maxnorm", lambda: N.MaxNorm(1.0)), ("minmaxnorm", lambda: N.MinMaxNorm(0.5, 1.0, rate=0.5)), ("nonneg", lambda: N.NonNeg()), ("unitnorm", lambda: N.UnitNorm(axis=[0, 1]))):
        add("constraint", name, constraint, build, (3, 4))


def draws(add):
    add("random", "dropout", random, "Dropout", {"rate": 0.4}, (40, 50))
    add("random", "spatialdropout1d", random, "SpatialDropout1D", {"rate": 0.5}, (40, 3, 20))
    add("random", "gaussiannoise", random, "GaussianNoise", {"stddev": 0.5}, (40, 50))
    add("random", "gaussiandropout", random, "GaussianDropout", {"rate": 0.3}, (40, 50))
    add("random", "alphadropout", random, "AlphaDropout", {"rate": 0.3}, (50, 60), "normal")
    pictures = ((2, 5, 4, 3), "pixels")
    for name, args in (("RandomFlip", {"mode": "horizontal_and_vertical"}), ("RandomRotation", {"factor": 0.3, "fill_mode": "reflect"}), ("RandomTranslation", {"height_factor": 0.4, "width_factor": 0.4, "fill_mode": "constant"}),
                       ("RandomZoom", {"height_factor": 0.5, "fill_mode": "nearest"}), ("RandomShear", {"x_factor": 0.4, "y_factor": 0.3}), ("RandomContrast", {"factor": 0.5}), ("RandomBrightness", {"factor": 0.4}),
                       ("RandomCrop", {"height": 3, "width": 2}), ("RandomHue", {"factor": 0.5}), ("RandomSaturation", {"factor": 0.6}), ("RandomSharpness", {"factor": 0.7}), ("RandomGrayscale", {"factor": 0.5}),
                       ("RandomPosterization", {"factor": 3}), ("RandomGaussianBlur", {"factor": 1.0, "kernel_size": 3, "sigma": 1.0}), ("RandomInvert", {"factor": 1.0}), ("RandomErasing", {"factor": 1.0}),
                       ("RandomPerspective", {"factor": 1.0, "scale": 0.4}), ("Solarization", {"addition_factor": 0.2, "threshold_factor": 0.5})):
        add("augment", name.lower(), augment, name, args, pictures)
    up_and_down = [{"val_loss": x, "loss": x} for x in (1.0, 0.8, 0.9, 0.85, 0.7, 0.75, 0.71, 0.72, 0.73)]
    B = keras.callbacks
    for name, args in (("earlystopping", {"patience": 2}), ("earlystopping-restored", {"patience": 2, "restore_best_weights": True, "min_delta": 0.05}), ("earlystopping-late", {"start_from_epoch": 3, "baseline": 0.72, "patience": 1})):
        add("callback", name, callback, lambda args=args: B.EarlyStopping(**args), up_and_down)
    for name, args in (("reducelronplateau", {"patience": 1, "factor": 0.5}), ("reducelronplateau-cooldown", {"patience": 1, "cooldown": 2, "min_lr": 0.005})):
        add("callback", name, callback, lambda args=args: B.ReduceLROnPlateau(**args), up_and_down)


# Ten networks of the kinds that people train, without dropout.

def cnn():
    return keras.Sequential([L.Input((8, 8, 1)), L.Conv2D(4, 3, use_bias=False), L.BatchNormalization(), L.ReLU(), L.MaxPooling2D(), L.Flatten(), L.Dense(3, activation="softmax")], name="cnn")


def resnet():
    i = keras.Input((6, 6, 2))
    x = L.BatchNormalization()(L.Conv2D(3, 3, padding="same", use_bias=False)(i))
    y = L.ReLU()(x)
    y = L.BatchNormalization()(L.Conv2D(3, 3, padding="same", use_bias=False)(y))
    x = L.ReLU()(L.Add()([x, y]))
    return keras.Model(i, L.Dense(3, activation="softmax")(L.GlobalAveragePooling2D()(x)), name="resnet")


def mobilenet():
    i = keras.Input((6, 6, 2))
    x = L.ReLU(6.0)(L.BatchNormalization()(L.Conv2D(6, 1, use_bias=False)(i)))
    x = L.ZeroPadding2D(((0, 1), (0, 1)))(x)
    x = L.ReLU(6.0)(L.BatchNormalization()(L.DepthwiseConv2D(3, strides=2, use_bias=False)(x)))
    x = L.BatchNormalization()(L.Conv2D(3, 1, use_bias=False)(x))
    return keras.Model(i, L.Dense(3, activation="softmax")(L.GlobalAveragePooling2D()(x)), name="mobilenet")


def unet():
    i = keras.Input((8, 8, 1))
    a = L.Conv2D(3, 3, padding="same", activation="relu")(i)
    b = L.Conv2D(4, 3, padding="same", activation="relu")(L.MaxPooling2D()(a))
    x = L.Concatenate()([a, L.Conv2DTranspose(3, 2, strides=2)(b)])
    return keras.Model(i, L.Conv2D(2, 1, activation="softmax")(L.Conv2D(3, 3, padding="same", activation="relu")(x)), name="unet")


def autoencoder():
    return keras.Sequential([L.Input((8, 8, 1)), L.Conv2D(4, 3, strides=2, padding="same", activation="relu"), L.UpSampling2D(), L.Conv2D(1, 3, padding="same", activation="sigmoid")], name="autoencoder")


def mlp():
    return keras.Sequential([L.Input((5,)), L.Dense(8, activation="gelu", kernel_regularizer="l2"), L.LayerNormalization(), L.Dense(3, activation="softmax")], name="mlp")


def lstm():
    return keras.Sequential([L.Input((5, 3)), L.LSTM(4, return_sequences=True), L.LSTM(3), L.Dense(1, activation="sigmoid")], name="lstm")


def transformer():
    i = keras.Input((4, 6))
    y = L.LayerNormalization()(i)
    x = L.Add()([i, L.MultiHeadAttention(2, 3)(y, y)])
    y = L.Dense(6)(L.Dense(8, activation="gelu")(L.LayerNormalization()(x)))
    return keras.Model(i, L.Dense(3, activation="softmax")(L.GlobalAveragePooling1D()(L.Add()([x, y]))), name="transformer")


def siamese():
    tower = keras.Sequential([L.Input((6, 6, 1)), L.Conv2D(3, 3, activation="relu"), L.Flatten(), L.Dense(4, activation="tanh")], name="tower")
    a, b = keras.Input((6, 6, 1), name="a"), keras.Input((6, 6, 1), name="b")
    return keras.Model([a, b], L.Dense(1, activation="sigmoid")(L.Subtract()([tower(a), tower(b)])), name="siamese")


def two_outputs():
    i = keras.Input((6, 6, 2), name="picture")
    x = L.GlobalMaxPooling2D()(L.Conv2D(5, 3, activation="relu")(i))
    return keras.Model(i, [L.Dense(3, activation="softmax", name="kind")(x), L.Dense(1, name="size")(x)], name="two_outputs")


def networks(add, files):
    O = keras.optimizers
    sparse = lambda build: lambda: {"optimizer": build(), "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}
    binary = lambda build: lambda: {"optimizer": build(), "loss": "binary_crossentropy", "metrics": ["accuracy"]}
    labels = ((16,), "below3")
    for build, compile, inputs, y in (
            (cnn, sparse(lambda: O.Adam(0.01)), [(16, 8, 8, 1)], labels),
            (resnet, sparse(lambda: O.SGD(0.05, momentum=0.9, nesterov=True)), [(16, 6, 6, 2)], labels),
            (mobilenet, sparse(lambda: O.RMSprop(0.002)), [(16, 6, 6, 2)], labels),
            (unet, sparse(lambda: O.Adam(0.01)), [(16, 8, 8, 1)], ((16, 8, 8), "below2")),
            (autoencoder, lambda: {"optimizer": O.AdamW(0.01), "loss": "mse", "metrics": ["mae"]}, [((16, 8, 8, 1), "uniform")], ((16, 8, 8, 1), "uniform")),
            (mlp, lambda: {"optimizer": O.SGD(S.CosineDecay(0.1, 20), momentum=0.9), "loss": "categorical_crossentropy", "metrics": ["accuracy", "auc"]}, [(16, 5)], ((16, 3), "onehot")),
            (lstm, binary(lambda: O.Adam(0.01, clipnorm=1.0)), [(16, 5, 3)], ((16, 1), "binary")),
            (transformer, sparse(lambda: O.Adam(0.005)), [(16, 4, 6)], labels),
            (siamese, binary(lambda: O.Nadam(0.01)), [(16, 6, 6, 1), (16, 6, 6, 1)], ((16, 1), "binary")),
            (two_outputs, lambda: {"optimizer": O.Adam(0.01), "loss": ["sparse_categorical_crossentropy", "mse"], "loss_weights": [1.0, 0.5], "metrics": [["accuracy"], ["mae"]]},
             [(16, 6, 6, 2)], [labels, ((16, 1), "normal")])):
        name = build.__name__.replace("_", "-")
        add("train", name, train, build, compile, inputs, y, files, f"train-{name}", endings=("keras", "h5") if build is cnn else ("keras",) if build is siamese else ())
        batch = [(3, *shape[0][1:]) if isinstance(shape[-1], str) else (3, *shape[1:]) for shape in inputs]
        add("model", name, model, build, batch, files, name, train=True, endings={"resnet": ("keras", "weights.h5"), "transformer": ("keras",), "lstm": ("weights.h5",)}.get(name, ()))


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--out", default=os.path.dirname(os.path.abspath(__file__)))
    arguments.add_argument("--only", default="")
    given = arguments.parse_args()
    cases, files, failed = {}, {}, 0

    def add(kind, name, make, *args, **kwargs):
        nonlocal failed
        case_id = f"{kind}/{name}"
        assert case_id not in cases, case_id
        if given.only not in case_id:
            return
        case = Case(case_id)
        try:
            make(case, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - every failure is named, whatever it is
            print("failed", case_id, type(error).__name__, str(error).strip().split("\n")[0], file=sys.stderr)
            failed += 1
            return
        cases[case_id] = case

    layers(add)
    functions(add)
    losses(add)
    metrics(add)
    optimizers(add)
    draws(add)
    networks(add, files)
    write(given.out, cases, files)
    print(f"{len(cases)} cases, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
