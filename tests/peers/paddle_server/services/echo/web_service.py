# SPDX-License-Identifier: Apache-2.0
"""Tells what came in: the type of each value, and its text."""

import numpy as np
from paddle_serving_server.web_service import Op, WebService


def told(value):
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{list(value.shape)} {value.tolist()}"
    return f"{type(value).__name__} {value}"


class EchoOp(Op):
    def preprocess(self, input_dicts, data_id, log_id):
        ((name, input_dict),) = input_dicts.items()
        self.came_from = f"{name} {type(data_id).__name__} {type(log_id).__name__} {log_id}"
        return input_dict, False, None, ""

    def postprocess(self, input_dicts, fetch_dict, data_id, log_id):
        result = {key: told(value) for key, value in fetch_dict.items()}
        result["from"] = self.came_from
        return result, None, ""


class EchoService(WebService):
    def get_pipeline_response(self, read_op):
        return EchoOp(name="echo", input_ops=[read_op])


service = EchoService(name="echo")
service.prepare_pipeline_config("config.yml")
service.run_service()
