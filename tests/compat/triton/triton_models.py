# SPDX-License-Identifier: Apache-2.0
"""Models as Triton's users write them, and their configurations."""

HEAD = """
import json
import numpy as np
import triton_python_backend_utils as pb_utils
"""


def tensor(kind, name, dtype="TYPE_FP32", dims="[ -1 ]", more=""):
    return f'{kind} [ {{ name: "{name}" data_type: {dtype} dims: {dims} {more} }} ]\n'


def config(inputs=("INPUT0",), outputs=("OUTPUT0",), *, dtype="TYPE_FP32", dims="[ -1 ]", more=""):
    return (
        "".join(tensor("input", name, dtype, dims) for name in inputs)
        + "".join(tensor("output", name, dtype, dims) for name in outputs)
        + more
    )


def model(execute, *, more="", head=""):
    """A model whose execute has that body, or text of the whole class with ``more`` methods."""
    lines = "\n".join("        " + line for line in execute.strip("\n").splitlines())
    methods = "\n".join("    " + line for line in more.strip("\n").splitlines())
    return (
        f"{HEAD}{head}\n\nclass TritonPythonModel:\n    def execute(self, requests):\n{lines}\n"
        f"\n{methods}\n"
    )


DECOUPLED = "model_transaction_policy { decoupled: true }"

# Runs the text in the parameter "body", as the body of execute.
SCRIPTED = model(
    """
body = json.loads(requests[0].parameters())["body"]
text = "def run(self, requests):\\n" + "\\n".join("    " + line for line in body.splitlines())
space = {"np": np, "json": json, "pb_utils": pb_utils}
exec(text, space)
return space["run"](self, requests)
"""
)

IDENTITY = model(
    """
responses = []
for request in requests:
    tensor = pb_utils.get_input_tensor_by_name(request, "INPUT0")
    out = pb_utils.Tensor("OUTPUT0", tensor.as_numpy())
    responses.append(pb_utils.InferenceResponse([out]))
return responses
"""
)

ADD_SUB = model(
    """
responses = []
for request in requests:
    a = pb_utils.get_input_tensor_by_name(request, "INPUT0").as_numpy()
    b = pb_utils.get_input_tensor_by_name(request, "INPUT1").as_numpy()
    total = pb_utils.Tensor("OUTPUT0", (a + b).astype(self.types["OUTPUT0"]))
    difference = pb_utils.Tensor("OUTPUT1", (a - b).astype(self.types["OUTPUT1"]))
    responses.append(pb_utils.InferenceResponse(output_tensors=[total, difference]))
return responses
""",
    more="""
def initialize(self, args):
    config = json.loads(args["model_config"])
    self.types = {
        name: pb_utils.triton_string_to_numpy(
            pb_utils.get_output_config_by_name(config, name)["data_type"]
        )
        for name in ("OUTPUT0", "OUTPUT1")
    }
""",
)
