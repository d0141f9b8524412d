# SPDX-License-Identifier: Apache-2.0
"""The sum of what a sequence has sent so far."""

import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def initialize(self, args):
        self.sums = {}

    def execute(self, requests):
        answers = []
        for request in requests:
            start, corrid, value = (
                pb_utils.get_input_tensor_by_name(request, name).as_numpy().ravel()[0]
                for name in ("START", "CORRID", "VALUE")
            )
            before = 0 if start else self.sums.get(int(corrid), 0)
            self.sums[int(corrid)] = before + int(value)
            tensor = pb_utils.Tensor("SUM", np.array([[self.sums[int(corrid)]]], np.int32))
            answers.append(pb_utils.InferenceResponse([tensor]))
        return answers
