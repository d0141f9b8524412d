# SPDX-License-Identifier: Apache-2.0
"""Two ops, as of OCR: the first finds places in a picture, the second says what is there."""

import base64

import numpy as np
from paddle_serving_server.web_service import Op, WebService


class DetOp(Op):
    def init_op(self):
        self.offset = 1

    def preprocess(self, input_dicts, data_id, log_id):
        ((_, input_dict),) = input_dicts.items()
        data = base64.b64decode(input_dict["image"].encode("utf8"))
        self.picture = np.frombuffer(data, np.uint8)
        if not len(self.picture):
            return {}, False, 61, "no picture"
        return {"image": self.picture[np.newaxis, :].copy()}, False, None, ""

    def postprocess(self, input_dicts, fetch_dict, data_id, log_id):
        picture = fetch_dict["image"]
        if picture[0, 0] == 255:
            return {}, 62, "a white picture"
        boxes = [[0, int(picture[0, 0])], [1, 2]]
        return {"boxes": boxes, "image": picture[0], "offset": self.offset}, None, None


class RecOp(Op):
    def preprocess(self, input_dicts, data_id, log_id):
        ((name, input_dict),) = input_dicts.items()
        picture, boxes = input_dict["image"], input_dict["boxes"]
        feed = {"x": np.array(boxes) + input_dict["offset"], "mean": picture.mean()}
        if boxes[0][1] == 13:
            raise ValueError("thirteen")
        self.kinds = f"{name} {type(boxes).__name__} {picture.dtype}{picture.shape}"
        return feed, False, None, ""

    def postprocess(self, input_dicts, fetch_dict, data_id, log_id):
        res = [str(box) for box in fetch_dict["x"].tolist()]
        return {"res": str(res), "mean": str(fetch_dict["mean"]), "kinds": self.kinds}, None, ""


class OcrService(WebService):
    def get_pipeline_response(self, read_op):
        det_op = DetOp(name="det", input_ops=[read_op])
        return RecOp(name="rec", input_ops=[det_op])


if __name__ == "__main__":
    service = OcrService(name="ocr")
    service.prepare_pipeline_config("config.yml")
    service.run_service()
