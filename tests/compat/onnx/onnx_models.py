# SPDX-License-Identifier: Apache-2.0
"""ONNX files for the tests, and the tensors that calls of them are made of."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

NAMES = {
    np.dtype(np.float32): "FP32",
    np.dtype(np.float16): "FP16",
    np.dtype(np.float64): "FP64",
    np.dtype(np.int64): "INT64",
    np.dtype(np.int32): "INT32",
    np.dtype(np.bool_): "BOOL",
    np.dtype(np.uint8): "UINT8",
}
DTYPES = {name: dtype for dtype, name in NAMES.items()}


def value(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


def save(file, nodes, inputs, outputs, weights=None):
    constants = [numpy_helper.from_array(array, name) for name, array in (weights or {}).items()]
    graph = helper.make_graph(nodes, "test", inputs, outputs, constants)
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    onnx.save(model, file)
    return file


def weights_of(sizes, seed=0):
    made, random = {}, np.random.default_rng(seed)
    for n, (rows, columns) in enumerate(zip(sizes, sizes[1:])):
        scale = np.sqrt(rows)
        made[f"w{n}"] = (random.standard_normal((rows, columns)) / scale).astype(np.float32)
        made[f"b{n}"] = random.standard_normal(columns).astype(np.float32)
    return made


def mlp(file, sizes=(64, 32, 10), *, first="n", last="n", seed=0):
    """x [first, sizes[0]] -> y [last, sizes[-1]]: linear layers with ReLU between them."""
    nodes, before, layers = [], "x", len(sizes) - 1
    for n in range(layers):
        after = "y" if n == layers - 1 else f"sum{n}"
        nodes.append(helper.make_node("Gemm", [before, f"w{n}", f"b{n}"], [after]))
        if n < layers - 1:
            before = f"relu{n}"
            nodes.append(helper.make_node("Relu", [after], [before]))
    inputs = [value("x", TensorProto.FLOAT, [first, sizes[0]])]
    outputs = [value("y", TensorProto.FLOAT, [last, sizes[-1]])]
    return save(file, nodes, inputs, outputs, weights_of(sizes, seed))


def mlp_answer(x, sizes=(64, 32, 10), seed=0):
    weights, layers = weights_of(sizes, seed), len(sizes) - 1
    for n in range(layers):
        x = x @ weights[f"w{n}"] + weights[f"b{n}"]
        x = np.maximum(x, 0) if n < layers - 1 else x
    return x


def add_sub(file, kind=TensorProto.FLOAT, shape=("n", 4)):
    """a, b -> sum, difference."""
    nodes = [
        helper.make_node("Add", ["a", "b"], ["sum"]),
        helper.make_node("Sub", ["a", "b"], ["difference"]),
    ]
    inputs = [value(name, kind, shape) for name in "ab"]
    return save(file, nodes, inputs, [value(n, kind, shape) for n in ("sum", "difference")])


def texts(file):
    """t [n] of text -> same [n]: itself."""
    nodes = [helper.make_node("Identity", ["t"], ["same"])]
    kind = TensorProto.STRING
    return save(file, nodes, [value("t", kind, ["n"])], [value("same", kind, ["n"])])


def identity(file, kind, shape):
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    return save(file, nodes, [value("x", kind, shape)], [value("y", kind, shape)])


def mean_of_all(file):
    """x [n, 4] -> y [n, 4]: less the mean of all rows, so that rows that run together differ."""
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[0], keepdims=1),
        helper.make_node("Sub", ["x", "mean"], ["y"]),
    ]
    kind = TensorProto.FLOAT
    return save(file, nodes, [value("x", kind, ["n", 4])], [value("y", kind, ["n", 4])])


def positive(file):
    """x [n, 4] -> found [m, 2]: where x is above 0; and how many."""
    nodes = [
        helper.make_node("Greater", ["x", "zero"], ["is"]),
        helper.make_node("NonZero", ["is"], ["where"]),
        helper.make_node("Transpose", ["where"], ["found"], perm=[1, 0]),
    ]
    inputs = [value("x", TensorProto.FLOAT, ["n", 4])]
    outputs = [value("found", TensorProto.INT64, ["m", 2])]
    return save(file, nodes, inputs, outputs, {"zero": np.zeros((), np.float32)})


def lookup(file):
    """x [n] -> y [n]: looked up in a table of four, so that a number too high fails the run."""
    nodes = [helper.make_node("Gather", ["table", "x"], ["y"])]
    inputs = [value("x", TensorProto.INT64, ["n"])]
    outputs = [value("y", TensorProto.FLOAT, ["n"])]
    return save(file, nodes, inputs, outputs, {"table": np.arange(4, dtype=np.float32)})


def zip_map(file):
    """As scikit-learn's converters make it: label [n], and probabilities as a list of maps."""
    nodes = [
        helper.make_node("ArgMax", ["x"], ["label"], axis=1, keepdims=0),
        helper.make_node(
            "ZipMap", ["x"], ["probabilities"], domain="ai.onnx.ml", classlabels_int64s=[0, 1]
        ),
    ]
    outputs = [value("label", TensorProto.INT64, ["n"])]
    entry = helper.make_map_type_proto(
        TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, [])
    )
    kind = helper.make_sequence_type_proto(entry)
    outputs.append(helper.make_value_info("probabilities", kind))
    return save(file, nodes, [value("x", TensorProto.FLOAT, ["n", 2])], outputs)


def tensor_bytes(array):
    if array.dtype == object:
        pieces = [text.encode() if isinstance(text, str) else text for text in array.ravel()]
        return b"".join(len(piece).to_bytes(4, "little") + piece for piece in pieces)
    return np.ascontiguousarray(array).tobytes()


def desc_of(array):
    datatype = "BYTES" if array.dtype == object else NAMES[array.dtype]
    return {"datatype": datatype, "shape": ",".join(map(str, array.shape))}


def array_of(data, desc):
    """The tensor of an answer."""
    shape = [int(each) for each in desc["shape"].split(",") if each]
    if desc["datatype"] != "BYTES":
        return np.frombuffer(data, DTYPES[desc["datatype"]]).reshape(shape)
    found = []
    while data:
        end = 4 + int.from_bytes(data[:4], "little")
        found.append(data[4:end])
        data = data[end:]
    made = np.empty(len(found), object)
    made[:] = found
    return made.reshape(shape)
