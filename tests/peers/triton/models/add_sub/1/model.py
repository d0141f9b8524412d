# SPDX-License-Identifier: Apache-2.0
"""The sum and the difference."""

import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        answers = []
        for request in requests:
            left, right = (
                pb_utils.get_input_tensor_by_name(request, name).as_numpy()
                for name in ("INPUT0", "INPUT1")
            )
            outputs = [pb_utils.Tensor("OUTPUT0", left + right)]
            outputs.append(pb_utils.Tensor("OUTPUT1", left - right))
            answers.append(pb_utils.InferenceResponse(output_tensors=outputs))
        return answers
