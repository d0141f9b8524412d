# SPDX-License-Identifier: Apache-2.0
"""Fails as its input says."""

import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        answers = []
        for request in requests:
            tensor = pb_utils.get_input_tensor_by_name(request, "WHAT")
            what = tensor.as_numpy().ravel()[0].decode()
            if what == "raise":
                raise ValueError("raised on purpose")
            if what == "raise-own":
                raise pb_utils.TritonModelException("raised with its own class")
            if what == "no-list":
                return pb_utils.InferenceResponse([])
            if what == "too-many":
                return [pb_utils.InferenceResponse([])] * (len(requests) + 1)
            if what == "no-response":
                return ["text"]
            if what == "fine":
                answers.append(
                    pb_utils.InferenceResponse([pb_utils.Tensor("SAID", tensor.as_numpy())])
                )
            elif what == "nothing":
                answers.append(pb_utils.InferenceResponse([]))
            elif what == "plain":
                answers.append(pb_utils.InferenceResponse(error=pb_utils.TritonError("plain")))
            else:
                code = getattr(pb_utils.TritonError, what)
                error = pb_utils.TritonError(f"said {what}", code)
                answers.append(pb_utils.InferenceResponse(error=error))
        return answers
