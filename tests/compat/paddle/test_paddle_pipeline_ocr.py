# SPDX-License-Identifier: Apache-2.0
"""Two ops that hand a picture and boxes on, as pipelines for OCR do: detection, recognition."""

import base64
import shutil

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2")
pytest.importorskip("pyclipper")

OCR = """
import base64
import cv2
from paddle_serving_app.reader import (
    DBPostProcess, Div, FilterBoxes, GetRotateCropImage, Normalize, OCRReader, ResizeByFactor,
    Sequential, SortedBoxes, Transpose,
)

class DetOp(Op):
    def init_op(self):
        self.prepare = Sequential([
            ResizeByFactor(32, 960), Div(255),
            Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]), Transpose((2, 0, 1)),
        ])
        self.filter_func = FilterBoxes(10, 10)
        self.post_func = DBPostProcess({
            "thresh": 0.3, "box_thresh": 0.5, "max_candidates": 1000, "unclip_ratio": 1.5,
            "min_size": 3,
        })
    def preprocess(self, input_dicts, data_id, log_id):
        (_, input_dict), = input_dicts.items()
        data = np.frombuffer(base64.b64decode(input_dict["image"]), np.uint8)
        self.im = cv2.imdecode(data, cv2.IMREAD_COLOR)
        self.ori_h, self.ori_w, _ = self.im.shape
        det_img = self.prepare(self.im)
        _, self.new_h, self.new_w = det_img.shape
        return {"image": det_img[np.newaxis, :].copy()}, False, None, ""
    def postprocess(self, input_dicts, fetch_dict, log_id):
        ratio_list = [float(self.new_h) / self.ori_h, float(self.new_w) / self.ori_w]
        boxes = self.post_func(fetch_dict["concat_1.tmp_0"], [ratio_list])
        boxes = self.filter_func(boxes[0], [self.ori_h, self.ori_w])
        return {"dt_boxes": boxes, "image": self.im}, None, ""

class RecOp(Op):
    def init_op(self):
        self.ocr_reader = OCRReader(char_dict_path="characters.txt")
        self.get_rotate_crop_image = GetRotateCropImage()
        self.sorted_boxes = SortedBoxes()
    def preprocess(self, input_dicts, data_id, log_id):
        (_, input_dict), = input_dicts.items()
        boxes = self.sorted_boxes(input_dict["dt_boxes"])
        pieces = [self.get_rotate_crop_image(input_dict["image"], box) for box in boxes]
        ratio = max(piece.shape[1] / piece.shape[0] for piece in pieces)
        lines = [self.ocr_reader.resize_norm_img(piece, ratio) for piece in pieces]
        return {"image": np.stack(lines).astype("float32")}, False, None, ""
    def postprocess(self, input_dicts, fetch_dict, log_id):
        texts = [text for text, score in self.ocr_reader.postprocess(fetch_dict, with_score=True)]
        return {"res": str(texts)}, None, ""

def graph(read_op):
    det_op = DetOp(name="det", input_ops=[read_op])
    return RecOp(name="rec", input_ops=[det_op])
"""


def picture(count):
    """White bars on black, each with something in it, as PNG."""
    image = np.zeros((240, 320, 3), np.uint8)
    for at in range(count):
        image[20 + 70 * at : 60 + 70 * at, 40:280] = 255
        image[30 + 70 * at : 40 + 70 * at, 60 : 90 + 50 * at] = (200, 40, 90)
    return base64.b64encode(cv2.imencode(".png", image)[1].tobytes()).decode()


@pytest.fixture
def ocr(models, pipeline, tmp_path):
    def start(threads):
        name = "threads" if threads else "processes"
        place = tmp_path / name
        place.mkdir()
        for model in ("ocr_det", "ocr_rec"):
            shutil.copytree(models / f"{model}_model", place / f"{model}_model")
        (place / "characters.txt").write_text("\n".join(map(chr, range(0x571F, 0x571F + 40))))
        conf = {
            each: {"local_service_conf": {"model_config": f"ocr_{each}_model"}}
            for each in ("det", "rec")
        }
        conf["rec"]["concurrency"] = 2
        return pipeline(OCR, {"dag": {"is_thread_op": threads}, "op": conf}, folder=name)

    return start


def test_boxes_and_pictures_go_from_op_to_op(ocr):
    read = {}
    for threads in (True, False):
        made = ocr(threads)
        for count in (1, 2, 3):
            res = made.value(image=picture(count))["res"]
            assert res.startswith("['") and res.count("', '") == count - 1
            read.setdefault(count, set()).add(res)
        made.kill()
    assert all(len(answers) == 1 for answers in read.values()), read
