# SPDX-License-Identifier: Apache-2.0
"""Gives back each input that it got, whatever its type."""

import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        answers = []
        for request in requests:
            outputs = []
            for tensor in sorted(request.inputs(), key=lambda tensor: tensor.name()):
                name = tensor.name().replace("IN_", "OUT_")
                if name == "OUT_BF16":  # NumPy has none.
                    outputs.append(pb_utils.Tensor.from_dlpack(name, tensor.to_dlpack()))
                else:
                    outputs.append(pb_utils.Tensor(name, tensor.as_numpy()))
            answers.append(pb_utils.InferenceResponse(outputs))
        return answers
