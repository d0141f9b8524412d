# SPDX-License-Identifier: Apache-2.0
"""One text for a text, what generate is for; its parameters are in it."""

import json

import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        answers = []
        for request in requests:
            text = pb_utils.get_input_tensor_by_name(request, "text_input").as_numpy()
            times = pb_utils.get_input_tensor_by_name(request, "times")
            count = 1 if times is None else int(times.as_numpy().ravel()[0])
            parameters = json.dumps(json.loads(request.parameters()), sort_keys=True)
            said = f"{text.ravel()[0].decode() * count} {parameters}".encode()
            tensors = [
                pb_utils.Tensor("text_output", np.array([[said]], np.object_)),
                pb_utils.Tensor("length", np.array([[len(said), 0]], np.int32)),
            ]
            answers.append(pb_utils.InferenceResponse(tensors))
        return answers
