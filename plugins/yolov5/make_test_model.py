# SPDX-License-Identifier: Apache-2.0
"""Builds a small ONNX detector of bright discs and squares, in the output layout of YOLOv5.

Nothing is trained: the filters are written down. Per anchor and shape the network computes the
normalised cross-correlation of the picture with a template (convolutions for the template, for
the local mean and for the local energy), so that contrast and uneven light do not matter. A 1x1
convolution turns these into the raw head (x, y, w, h, objectness, classes) and the usual YOLOv5
decode with grid, stride and anchors follows. The result is deterministic.

    python make_test_model.py test_data/shapes.onnx
"""

import argparse

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

INPUT_SIZE = 384  # Pixels; the model has a fixed square input.
NAMES = ("disc", "square")
BASE_STRIDE = 4  # The filters see the picture reduced by this factor.
BASE_ANCHORS = (38, 46, 58)  # Pixels, side of the box at the first level.
LEVELS = 2  # Each level halves the picture again and doubles the anchors.
WINDOW = 1.5  # Side of a template, in anchors: the shape and the background around it.
MATCH = 0.62  # Correlation at which the objectness is one half.
OBJECT_GAIN = 20.0
RIVAL_GAIN = 60.0  # How fast the objectness falls behind a better match next to it.
CLASS_GAIN = 60.0


def shape_mask(name, side, size):
    """Share of each pixel of a size x size window that a centred shape covers."""
    fine = 8
    axis = (np.arange(size * fine) + 0.5) / fine - size / 2
    x, y = np.meshgrid(axis, axis)
    distance = np.hypot(x, y) if name == "disc" else np.maximum(abs(x), abs(y))
    inside = distance <= side / 2
    return inside.reshape(size, fine, size, fine).mean(axis=(1, 3))


def filter_bank():
    """Templates of zero mean and unit energy, and the windows over which they look.

    Both have one row per (anchor, shape). The sides are even, so that a window with stride 2 is
    centred where YOLOv5 puts the middle of a grid cell.
    """
    sides = [anchor / BASE_STRIDE for anchor in BASE_ANCHORS]
    size = 2 * int(np.ceil(max(sides) * WINDOW / 2))
    templates, windows = [], []
    for side in sides:
        window = shape_mask("square", side * WINDOW, size)
        for name in NAMES:
            template = shape_mask(name, side, size) * window
            template -= window * template.sum() / window.sum()
            templates.append(template / np.sqrt((template**2 / np.maximum(window, 1e-9)).sum()))
            windows.append(window)
    return np.stack(templates)[:, None], np.stack(windows)[:, None]


class Graph:
    """Collects nodes and weights; every method returns the name of the tensor it makes."""

    def __init__(self):
        self.nodes = []
        self.weights = []

    def constant(self, value, dtype=np.float32):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def op(self, kind, *inputs, output=None, **attributes):
        output = output or f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output


def correlation(graph, grey):
    """Normalised cross-correlation with each template, one channel per (anchor, shape)."""
    templates, windows = filter_bank()
    half = templates.shape[-1] // 2
    pads = graph.constant([0, 0, half - 1, half - 1, 0, 0, half - 1, half - 1], np.int64)
    padded = graph.op("Pad", grey, pads, mode="edge")

    def convolve(tensor, kernels):
        return graph.op("Conv", tensor, graph.constant(kernels), strides=[2, 2])

    matched = convolve(padded, templates)
    total = convolve(padded, windows)
    energy = convolve(graph.op("Mul", padded, padded), windows)
    weight = windows.sum(axis=(2, 3))[None, :, :, None]
    mean_energy = graph.op("Div", graph.op("Mul", total, total), graph.constant(weight))
    # The floor keeps the noise of a flat region from being blown up to a match.
    floor = graph.constant(weight * 0.02**2)
    variance = graph.op("Max", graph.op("Sub", energy, mean_energy), floor)
    return graph.op("Div", matched, graph.op("Sqrt", variance))


def raw_head(graph, scores, cells):
    """The 1x1 convolution before the decode: per anchor x, y, w, h, objectness, classes.

    The objectness is that of the anchor's better shape, lowered where another anchor or a
    neighbouring cell matches better. The classes compare the shapes over all of these.
    """
    anchors, shapes = len(BASE_ANCHORS), len(NAMES)
    split = graph.constant([1, anchors, shapes, cells, cells], np.int64)
    split = graph.op("Reshape", scores, split)
    per_anchor = graph.op("ReduceMax", split, axes=[2], keepdims=0)
    per_shape = graph.op("ReduceMax", split, axes=[1], keepdims=0)
    per_shape = graph.op("MaxPool", per_shape, kernel_shape=[5, 5], pads=[2, 2, 2, 2])
    best = graph.op("ReduceMax", per_shape, axes=[1], keepdims=1)
    features = graph.op("Concat", per_anchor, per_shape, best, axis=1)

    rows = 5 + shapes
    kernel = np.zeros((anchors * rows, anchors + shapes + 1, 1, 1))
    bias = np.zeros(anchors * rows)
    for anchor in range(anchors):
        row = anchor * rows
        # Rows 0-3 stay 0: a box of the anchor's size in the middle of its cell.
        kernel[row + 4, anchor] = OBJECT_GAIN + RIVAL_GAIN
        kernel[row + 4, -1] = -RIVAL_GAIN
        bias[row + 4] = -OBJECT_GAIN * MATCH
        classes = slice(row + 5, row + 5 + shapes)
        kernel[classes, anchors:-1, 0, 0] = CLASS_GAIN * (2 * np.eye(shapes) - 1)
    return graph.op("Conv", features, graph.constant(kernel), graph.constant(bias))


def decode(graph, head, stride, anchor_sides):
    """Grid, stride and anchors, as at the end of a YOLOv5 export."""
    anchors, rows, cells = len(anchor_sides), 5 + len(NAMES), INPUT_SIZE // stride
    shape = graph.constant([1, anchors, rows, cells, cells], np.int64)
    table = graph.op("Transpose", graph.op("Reshape", head, shape), perm=[0, 1, 3, 4, 2])
    table = graph.op("Sigmoid", table)
    sizes = graph.constant([2, 2, rows - 4], np.int64)
    names = [f"{part}_{stride}" for part in ("xy", "wh", "conf")]
    graph.nodes.append(helper.make_node("Split", [table, sizes], names, axis=4))
    xy, wh, conf = names
    y, x = np.mgrid[:cells, :cells]
    offset = graph.constant(np.stack([x, y], -1)[None, None] - 0.5)
    two, scale = graph.constant(2.0), graph.constant(float(stride))
    xy = graph.op("Mul", graph.op("Add", graph.op("Mul", xy, two), offset), scale)
    sides = np.repeat(np.asarray(anchor_sides)[None, :, None, None, None], 2, axis=4)
    double = graph.op("Mul", wh, two)
    wh = graph.op("Mul", graph.op("Mul", double, double), graph.constant(sides))
    boxes = graph.op("Concat", xy, wh, conf, axis=4)
    return graph.op("Reshape", boxes, graph.constant([1, -1, rows], np.int64))


def build_model():
    """The model as an onnx.ModelProto, checked."""
    graph = Graph()
    size = BASE_STRIDE
    to_grey = np.full((1, 3, size, size), 1 / (3 * size * size))
    grey = graph.op("Conv", "images", graph.constant(to_grey), strides=[size, size])
    halve = graph.constant(np.full((1, 1, 2, 2), 0.25))
    outputs, boxes = [], 0
    for level in range(LEVELS):
        if level:
            grey = graph.op("Conv", grey, halve, strides=[2, 2])
        stride = 2 * BASE_STRIDE * 2**level
        cells = INPUT_SIZE // stride
        head = raw_head(graph, correlation(graph, grey), cells)
        outputs.append(decode(graph, head, stride, [a * 2**level for a in BASE_ANCHORS]))
        boxes += cells * cells * len(BASE_ANCHORS)
    graph.op("Concat", *outputs, output="output0", axis=1)

    shape_in = [1, 3, INPUT_SIZE, INPUT_SIZE]
    shape_out = [1, boxes, 5 + len(NAMES)]
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "shapes",
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape_in)],
            [helper.make_tensor_value_info("output0", TensorProto.FLOAT, shape_out)],
            graph.weights,
        ),
        producer_name="make_test_model",
        opset_imports=[helper.make_opsetid("", 13)],
        ir_version=8,  # Readable by ONNX Runtime from 1.14 on.
    )
    helper.set_model_props(model, {"names": str(dict(enumerate(NAMES))), "stride": str(stride)})
    onnx.checker.check_model(model, full_check=True)
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", help="where to write the .onnx file")
    onnx.save(build_model(), parser.parse_args().path)


if __name__ == "__main__":
    main()
