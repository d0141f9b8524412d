# SPDX-License-Identifier: Apache-2.0
"""The words of its text, one response each: what generate_stream is for."""

import numpy as np
import triton_python_backend_utils as pb_utils

FINAL = pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL


class TritonPythonModel:
    def execute(self, requests):
        for request in requests:
            sender = request.get_response_sender()
            text = pb_utils.get_input_tensor_by_name(request, "text_input").as_numpy()
            times = pb_utils.get_input_tensor_by_name(request, "times")
            count = 1 if times is None else int(times.as_numpy().ravel()[0])
            for word in text.ravel()[0].decode().split() * count:
                if word == "FAIL":
                    error = pb_utils.TritonError("no such word", pb_utils.TritonError.INVALID_ARG)
                    sender.send(pb_utils.InferenceResponse(error=error))
                    continue
                tensor = pb_utils.Tensor("text_output", np.array([word.encode()], np.object_))
                sender.send(pb_utils.InferenceResponse([tensor]))
            sender.send(flags=FINAL)
