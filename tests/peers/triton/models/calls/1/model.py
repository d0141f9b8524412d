# SPDX-License-Identifier: Apache-2.0
"""Asks the model that its input names; what that says, an error too, is its own answer."""

import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        return [self._one(request) for request in requests]

    def _one(self, request):
        model = pb_utils.get_input_tensor_by_name(request, "MODEL").as_numpy()[0].decode()
        number = pb_utils.get_input_tensor_by_name(request, "NUMBER").as_numpy()
        if model == "repeat":
            return self._stream(number)
        given = number.reshape(1, 4)
        answer = pb_utils.InferenceRequest(
            model_name=model,
            requested_output_names=["OUTPUT0"],
            inputs=[pb_utils.Tensor("INPUT0", given), pb_utils.Tensor("INPUT1", given)],
        ).exec()
        if answer.has_error():
            return pb_utils.InferenceResponse(error=answer.error())
        result = pb_utils.get_output_tensor_by_name(answer, "OUTPUT0").as_numpy()
        return pb_utils.InferenceResponse([pb_utils.Tensor("RESULT", result.reshape(4))])

    def _stream(self, number):
        request = pb_utils.InferenceRequest(
            model_name="repeat",
            requested_output_names=["OUT"],
            inputs=[pb_utils.Tensor("IN", number)],
        )
        found = []
        for answer in request.exec(decoupled=True):
            if answer.has_error():
                return pb_utils.InferenceResponse(error=answer.error())
            for tensor in answer.output_tensors():
                found += [int(value) for value in tensor.as_numpy()]
        return pb_utils.InferenceResponse([pb_utils.Tensor("RESULT", np.array(found, np.int32))])
