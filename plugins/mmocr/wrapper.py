# SPDX-License-Identifier: Apache-2.0
"""Text recognition, as an AIGES v1 plugin (plain functions).

Takes one picture (the first payload of type image, or the first payload) and answers under the
key `boxes` with JSON: {"lines": [{"box": [[x, y] * 4], "text", "score"}], "width", "height"};
boxes are in pixels of the upright picture. Configuration keys: README.md.
"""

import json

from aiges.utils import images
from mmocr_plugin.engines import open_engine
from mmocr_plugin.settings import ConfigError, number

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
        print(f"mmocr: wrapperInit failed: {error}", flush=True)
        return INIT_FAILED
    print(f"mmocr: engine {engine.name} ready", flush=True)
    return OK


def wrapperFini():
    global engine
    engine = None
    return OK


def wrapperError(errNum):
    return ERRORS.get(errNum, f"unknown error {errNum} of the mmocr plugin")


def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    if engine is None:
        return INIT_FAILED
    rgb = images.rgb_of_request(reqData, max_pixels)
    lines = [line._asdict() for line in engine.read(rgb)]
    answer = {"lines": lines, "width": rgb.shape[1], "height": rgb.shape[0]}
    data = json.dumps(answer, ensure_ascii=False).encode()
    respData.append(
        {"key": "boxes", "data": data, "len": len(data), "status": STATUS_ONCE, "type": DATA_TEXT}
    )
    return OK
