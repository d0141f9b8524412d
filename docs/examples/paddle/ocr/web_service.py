# SPDX-License-Identifier: Apache-2.0
"""Reads text in pictures: an op finds lines, another one reads them."""

import base64

import cv2
import numpy as np
from paddle_serving_app.reader import (
    DBPostProcess,
    Div,
    FilterBoxes,
    GetRotateCropImage,
    Normalize,
    ResizeByFactor,
    Sequential,
    SortedBoxes,
    Transpose,
)
from paddle_serving_server.web_service import Op, WebService

HEIGHT = 48  # Of the lines that the second model reads.


class DetOp(Op):
    """From a picture to the pictures of its lines."""

    def init_op(self):
        self.prepare = Sequential(
            [
                ResizeByFactor(32, 960),
                Div(255),
                Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
                Transpose((2, 0, 1)),
            ]
        )
        self.boxes = DBPostProcess(
            {"thresh": 0.3, "box_thresh": 0.6, "max_candidates": 1000, "unclip_ratio": 1.5}
        )
        self.filter, self.sort, self.crop = FilterBoxes(10, 10), SortedBoxes(), GetRotateCropImage()

    def preprocess(self, input_dicts, data_id, log_id):
        ((_, input_dict),) = input_dicts.items()
        data = np.frombuffer(base64.b64decode(input_dict["image"]), np.uint8)
        self.picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
        made = self.prepare(self.picture)
        self.size = made.shape[1:]
        return {"x": made[np.newaxis].copy()}, False, None, ""

    def postprocess(self, input_dicts, fetch_data, data_id, log_id):
        height, width = self.picture.shape[:2]
        ratios = [self.size[0] / height, self.size[1] / width]
        (found,) = self.boxes(next(iter(fetch_data.values())), [ratios])
        boxes = self.sort(self.filter(found, [height, width]))
        lines = [self.crop(self.picture, box.astype("float32")) for box in boxes]
        return {"lines": lines}, None, ""


class RecOp(Op):
    """From pictures of lines to their texts."""

    def init_op(self):
        with open("ppocr_keys_v1.txt", encoding="utf-8") as file:
            self.characters = ["", *(line.rstrip("\n") for line in file), " "]  # 0 is no character.

    def preprocess(self, input_dicts, data_id, log_id):
        ((_, input_dict),) = input_dicts.items()
        lines = input_dict["lines"]
        if not lines:
            return {}, True, None, ""
        widest = max(line.shape[1] / line.shape[0] for line in lines)
        width = int(HEIGHT * max(widest, 320 / HEIGHT))
        made = np.zeros((len(lines), 3, HEIGHT, width), "float32")
        for row, line in zip(made, lines):
            wide = min(width, int(np.ceil(HEIGHT * line.shape[1] / line.shape[0])))
            picture = cv2.resize(line, (wide, HEIGHT)).astype("float32")
            row[:, :, :wide] = (picture.transpose(2, 0, 1) / 255 - 0.5) / 0.5
        return {"x": made}, False, None, ""

    def postprocess(self, input_dicts, fetch_data, data_id, log_id):
        texts = []
        for row in next(iter(fetch_data.values()), []):
            best = row.argmax(1)
            new = np.append(True, best[1:] != best[:-1]) & (best > 0)
            texts.append("".join(self.characters[index] for index in best[new]))
        return {"res": str(texts)}, None, ""


class OcrService(WebService):
    def get_pipeline_response(self, read_op):
        det_op = DetOp(name="det", input_ops=[read_op])
        return RecOp(name="rec", input_ops=[det_op])


ocr_service = OcrService(name="ocr")
ocr_service.prepare_pipeline_config("config.yml")
ocr_service.run_service()
