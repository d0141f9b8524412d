# SPDX-License-Identifier: Apache-2.0
"""Object detection with a YOLOv5 model, as an AIGES v1 plugin (plain functions).

Takes one picture (the first payload of type image, or the first payload) and answers under the
key `boxes` with JSON: {"detections": [{"box": [x1, y1, x2, y2], "label", "class", "score"}],
"width", "height"}; boxes are in pixels of the upright picture. Configuration keys: README.md.
"""

import json

from aiges.utils import images
from yolov5_plugin.model import Model
from yolov5_plugin.settings import ConfigError, number

DATA_TEXT, STATUS_ONCE = 0, 3

OK, INIT_FAILED = 0, 1  # 2 to 5: images.rgb_of_request.

# What wrapperError says; the caller's faults are told by the BadInput that is raised.
ERRORS = {OK: "ok", INIT_FAILED: "wrapperInit was not called or failed"}

model = None
max_pixels = images.MAX_PIXELS


def wrapperInit(config):
    global model, max_pixels
    try:
        max_pixels = number(config, "max_pixels", images.MAX_PIXELS, 1, 10**10, int)
        model = Model(config)
    except ConfigError as error:
        ERRORS[INIT_FAILED] = str(error)
        print(f"yolov5: wrapperInit failed: {error}", flush=True)
        return INIT_FAILED
    shown = f"{model.width}x{model.height}, {len(model.names)} classes, {model.provider}"
    print(f"yolov5: {model.path.name} ready: {shown}", flush=True)
    return OK


def wrapperFini():
    global model
    model = None
    return OK


def wrapperError(errNum):
    return ERRORS.get(errNum, f"unknown error {errNum} of the yolov5 plugin")


def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    if model is None:
        return INIT_FAILED
    rgb = images.rgb_of_request(reqData, max_pixels)
    detections = [
        {
            "box": [round(float(value), 2) for value in box],
            "label": model.names[kind],
            "class": int(kind),
            "score": round(float(score), 4),
        }
        for box, score, kind in zip(*model.detect(rgb))
    ]
    answer = {"detections": detections, "width": rgb.shape[1], "height": rgb.shape[0]}
    data = json.dumps(answer, ensure_ascii=False).encode()
    respData.append(
        {"key": "boxes", "data": data, "len": len(data), "status": STATUS_ONCE, "type": DATA_TEXT}
    )
    return OK
