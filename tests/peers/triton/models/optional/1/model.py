# SPDX-License-Identifier: Apache-2.0
"""One input need not be there."""

import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        answers = []
        for request in requests:
            total = pb_utils.get_input_tensor_by_name(request, "INPUT0").as_numpy()
            more = pb_utils.get_input_tensor_by_name(request, "INPUT1")
            total = total + (10 if more is None else more.as_numpy())
            tensor = pb_utils.Tensor("OUTPUT0", total.astype("float32"))
            answers.append(pb_utils.InferenceResponse([tensor]))
        return answers
