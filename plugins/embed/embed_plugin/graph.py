# SPDX-License-Identifier: Apache-2.0
"""BERT with mean pooling as an ONNX model, out of its weights.

ids, mask (texts, tokens) -> vectors (texts, hidden), of length 1.
"""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

OPSET = 17  # The first with LayerNormalization.


class Graph:
    """Collects nodes and weights; every method returns the name of the tensor it makes."""

    def __init__(self, tensors):
        self._tensors, self.nodes, self.weights = tensors, [], {}

    def weight(self, name, *, turned=False):
        array = self._tensors[name].astype(np.float32)
        return self.constant(array.T if turned else array, name)

    def constant(self, value, name=None, dtype=np.float32):
        name = name or f"c{len(self.weights)}"
        if name not in self.weights:
            array = np.ascontiguousarray(value, dtype).reshape(np.shape(value))
            self.weights[name] = numpy_helper.from_array(array, name)
        return name

    def ints(self, *values):
        return self.constant(values, dtype=np.int64)

    def op(self, kind, *inputs, output=None, **attributes):
        output = output or f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def linear(self, x, name):
        """A layer of torch: x @ weight.T + bias."""
        product = self.op("MatMul", x, self.weight(f"{name}.weight", turned=True))
        return self.op("Add", product, self.weight(f"{name}.bias"))

    def norm(self, x, name, epsilon):
        weights = [self.weight(f"{name}.{part}") for part in ("weight", "bias")]
        return self.op("LayerNormalization", x, *weights, axis=-1, epsilon=epsilon)

    def gelu(self, x):
        erf = self.op("Erf", self.op("Div", x, self.constant(np.sqrt(2.0))))
        twice = self.op("Mul", x, self.op("Add", erf, self.constant(1.0)))
        return self.op("Mul", twice, self.constant(0.5))


def embeddings(graph, epsilon):
    words = graph.op("Gather", graph.weight("embeddings.word_embeddings.weight"), "ids")
    length = graph.op("Gather", graph.op("Shape", "ids"), graph.constant(1, dtype=np.int64))
    zero, one = (graph.constant(n, dtype=np.int64) for n in (0, 1))
    places = graph.op("Range", zero, length, one)
    positions = graph.op("Gather", graph.weight("embeddings.position_embeddings.weight"), places)
    kind = graph.op("Gather", graph.weight("embeddings.token_type_embeddings.weight"), zero)
    total = graph.op("Add", graph.op("Add", words, positions), kind)
    return graph.norm(total, "embeddings.LayerNorm", epsilon)


def layer(graph, x, hidden_mask, name, heads, width, epsilon):
    def split(part):
        made = graph.linear(x, f"{name}.attention.self.{part}")
        return graph.op("Reshape", made, graph.ints(0, 0, heads, width // heads))

    query = graph.op("Transpose", split("query"), perm=[0, 2, 1, 3])
    key = graph.op("Transpose", split("key"), perm=[0, 2, 3, 1])
    value = graph.op("Transpose", split("value"), perm=[0, 2, 1, 3])
    scores = graph.op("MatMul", query, key)
    scores = graph.op("Div", scores, graph.constant(np.sqrt(width / heads)))
    weights = graph.op("Softmax", graph.op("Add", scores, hidden_mask), axis=-1)
    seen = graph.op("Transpose", graph.op("MatMul", weights, value), perm=[0, 2, 1, 3])
    seen = graph.op("Reshape", seen, graph.ints(0, 0, width))
    seen = graph.linear(seen, f"{name}.attention.output.dense")
    x = graph.norm(graph.op("Add", seen, x), f"{name}.attention.output.LayerNorm", epsilon)
    inner = graph.gelu(graph.linear(x, f"{name}.intermediate.dense"))
    outer = graph.linear(inner, f"{name}.output.dense")
    return graph.norm(graph.op("Add", outer, x), f"{name}.output.LayerNorm", epsilon)


def pooled(graph, x, mask):
    """The mean of the tokens that are text, brought to length 1."""
    wide = graph.op("Unsqueeze", mask, graph.ints(2))
    total = graph.op("ReduceSum", graph.op("Mul", x, wide), graph.ints(1), keepdims=0)
    count = graph.op("ReduceSum", wide, graph.ints(1), keepdims=0)
    mean = graph.op("Div", total, graph.op("Max", count, graph.constant(1e-9)))
    length = graph.op("ReduceL2", mean, axes=[1], keepdims=1)
    graph.op("Div", mean, graph.op("Max", length, graph.constant(1e-12)), output="vectors")


def build(tensors, config):
    """The model as an onnx.ModelProto."""
    graph = Graph({name.removeprefix("bert."): array for name, array in tensors.items()})
    epsilon = float(config.get("layer_norm_eps", 1e-12))
    heads, width = config["num_attention_heads"], config["hidden_size"]
    mask = graph.op("Cast", "mask", to=TensorProto.FLOAT)
    hidden = graph.op("Sub", mask, graph.constant(1.0))
    hidden = graph.op("Mul", hidden, graph.constant(1e9))  # Padding gets no attention.
    hidden = graph.op("Unsqueeze", hidden, graph.ints(1, 2))
    x = embeddings(graph, epsilon)
    for number in range(config["num_hidden_layers"]):
        x = layer(graph, x, hidden, f"encoder.layer.{number}", heads, width, epsilon)
    pooled(graph, x, mask)
    shape = ["texts", "tokens"]
    inputs = [
        helper.make_tensor_value_info(each, TensorProto.INT64, shape) for each in ("ids", "mask")
    ]
    outputs = [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["texts", width])]
    weights = list(graph.weights.values())
    made = helper.make_graph(graph.nodes, "sentences", inputs, outputs, weights)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
