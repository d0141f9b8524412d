# SPDX-License-Identifier: Apache-2.0
"""Has no config.pbtxt: says all that itself."""

import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    @staticmethod
    def auto_complete_config(auto_complete_model_config):
        config = auto_complete_model_config
        config.add_input({"name": "X", "data_type": "TYPE_FP64", "dims": [2]})
        config.add_input({"name": "Y", "data_type": "TYPE_FP64", "dims": [2], "optional": True})
        config.add_output({"name": "Z", "data_type": "TYPE_FP64", "dims": [2]})
        config.set_max_batch_size(4)
        config.set_dynamic_batching()
        return config

    def execute(self, requests):
        answers = []
        for request in requests:
            given = pb_utils.get_input_tensor_by_name(request, "X").as_numpy()
            answers.append(pb_utils.InferenceResponse([pb_utils.Tensor("Z", given * 2)]))
        return answers
