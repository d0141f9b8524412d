# SPDX-License-Identifier: Apache-2.0
"""A response for each element; an element below zero is an error among them."""

import numpy as np
import triton_python_backend_utils as pb_utils

FINAL = pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL


class TritonPythonModel:
    def execute(self, requests):
        for request in requests:
            sender = request.get_response_sender()
            given = pb_utils.get_input_tensor_by_name(request, "IN").as_numpy()
            for index, value in enumerate(given):
                if value < 0:
                    error = pb_utils.TritonError(f"below zero: {value}")
                    sender.send(pb_utils.InferenceResponse(error=error))
                    continue
                tensors = [
                    pb_utils.Tensor("OUT", np.array([value], np.int32)),
                    pb_utils.Tensor("IDX", np.array([index], np.uint32)),
                ]
                sender.send(pb_utils.InferenceResponse(tensors))
            sender.send(flags=FINAL)
