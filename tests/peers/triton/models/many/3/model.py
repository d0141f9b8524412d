# SPDX-License-Identifier: Apache-2.0
"""Says which version it is."""

import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def initialize(self, args):
        self.version = int(args["model_version"])

    def execute(self, requests):
        tensor = pb_utils.Tensor("VERSION", np.array([self.version], np.int32))
        return [pb_utils.InferenceResponse([tensor]) for _ in requests]
