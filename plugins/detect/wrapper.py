# SPDX-License-Identifier: Apache-2.0
"""Detection with a model that pip installs, as an AIGES v1 plugin (plain functions).

Takes one picture (the first payload of type image, or the first payload) and answers under the
key `boxes` with JSON: {"detections": [{"box": [x1, y1, x2, y2], "label", "score"}], "width",
"height"}; boxes are in pixels of the upright picture. Configuration keys: README.md.
"""

import json

from aiges.utils import images
from detect_plugin.engines import open_engine
from detect_plugin.settings import ConfigError, number

DATA_TEXT, STATUS_ONCE = 0, 3

OK, INIT_FAILED = 0, 1  # 2 to 5: images.rgb_of_request.

# What wrapperError says; the caller's faults are told by the BadInput that is raised.
ERRORS = {OK: "ok", INIT_FAILED: "wrapperInit was not called or failed"}

engine = None
max_pixels = images.MAX_PIXELS


def wrapperInit(config):
    global engine, max_pixels
    try:
        max_pixels = number(config, "max_pixels", images.MAX_PIXELS, 1, 10**10, int)
        engine = open_engine(config)
    except ConfigError as error:
        ERRORS[INIT_FAILED] = str(error)
        print(f"detect: wrapperInit failed: {error}", flush=True)
        return INIT_FAILED
    print(f"detect: engine {engine.name} ready", flush=True)
    return OK


def wrapperFini():
    global engine
    engine = None
    return OK


def wrapperError(errNum):
    return ERRORS.get(errNum, f"unknown error {errNum} of the detect plugin")


def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    if engine is None:
        return INIT_FAILED
    rgb = images.rgb_of_request(reqData, max_pixels)
    detections = []
    for found in engine.find(rgb):
        shown = {
            "box": [round(float(value), 2) for value in found.box],
            "label": found.label,
            "score": round(float(found.score), 4),
        }
        if found.points:
            shown["points"] = [[round(float(x), 2), round(float(y), 2)] for x, y in found.points]
        detections.append(shown)
    answer = {"detections": detections, "width": rgb.shape[1], "height": rgb.shape[0]}
    data = json.dumps(answer, ensure_ascii=False).encode()
    respData.append(
        {"key": "boxes", "data": data, "len": len(data), "status": STATUS_ONCE, "type": DATA_TEXT}
    )
    return OK
