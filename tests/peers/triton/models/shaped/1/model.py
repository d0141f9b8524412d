# SPDX-License-Identifier: Apache-2.0
"""Sees other shapes than its clients."""

import json

import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        answers = []
        for request in requests:
            one, four = (
                pb_utils.get_input_tensor_by_name(request, name).as_numpy()
                for name in ("ONE", "FOUR")
            )
            seen = json.dumps([list(one.shape), list(four.shape)]).encode()
            tensors = [
                pb_utils.Tensor("FOUR_OUT", four * one.reshape(-1, 1)),
                pb_utils.Tensor("SEEN", np.full((len(one), 1), seen, np.object_)),
            ]
            answers.append(pb_utils.InferenceResponse(tensors))
        return answers
