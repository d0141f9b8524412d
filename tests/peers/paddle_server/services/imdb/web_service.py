# SPDX-License-Identifier: Apache-2.0
"""Texts of any length in one model: LoD comes in and goes out."""

import numpy as np
from paddle_serving_server.web_service import Op, WebService


class ImdbOp(Op):
    def preprocess(self, input_dicts, data_id, log_id):
        ((_, input_dict),) = input_dicts.items()
        texts = [[int(word) for word in text.split()] for text in input_dict["words"].split(";")]
        lod = np.cumsum([0, *map(len, texts)])
        words = np.concatenate(texts).astype("int64").reshape(-1, 1)
        as_list = input_dict.get("lod") == "list"
        return {"words": words, "words.lod": lod.tolist() if as_list else lod}, False, None, ""

    def postprocess(self, input_dicts, fetch_data, data_id, log_id):
        told = {key: np.round(value, 4).tolist() for key, value in fetch_data.items()}
        return {key: str(value) for key, value in told.items()}, None, ""


class ImdbService(WebService):
    def get_pipeline_response(self, read_op):
        return ImdbOp(name="imdb", input_ops=[read_op])


imdb_service = ImdbService(name="imdb")
imdb_service.prepare_pipeline_config("config.yml")
imdb_service.run_service()
