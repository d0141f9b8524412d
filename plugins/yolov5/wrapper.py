"""Object detection with a YOLOv5 model, as an AIGES v1 plugin (plain functions).

Takes one picture (the first payload of type image, or the first payload) and answers under the
key `boxes` with JSON: {"detections": [{"box": [x1, y1, x2, y2], "label", "class", "score"}],
"width", "height"}; boxes are in pixels of the upright picture. Configuration keys: README.md.
"""

import json

from yolov5_plugin import images
from yolov5_plugin.model import Model
from yolov5_plugin.settings import ConfigError, number

DATA_TEXT, DATA_IMAGE, STATUS_ONCE = 0, 2, 3

OK, INIT_FAILED, NO_IMAGE, SEVERAL_IMAGES, UNDECODABLE_IMAGE, IMAGE_TOO_LARGE = 0, 1, 2, 3, 4, 5

# The texts per call are constant, because a host may keep the first one it saw for a code; what
# is particular to one picture goes to the log.
ERRORS = {
    OK: "ok",
    INIT_FAILED: "wrapperInit was not called or failed",
    NO_IMAGE: "expected one picture as payload, got none; send the bytes of an image file",
    SEVERAL_IMAGES: "expected one picture as payload, got several; send one call per picture",
    UNDECODABLE_IMAGE: "the payload cannot be decoded as a picture (broken, cut off or of an "
    "unknown format); send the bytes of a PNG, JPEG, WebP, TIFF, BMP or GIF file",
    IMAGE_TOO_LARGE: "the picture has more pixels than [wrapper] max_pixels allows; send a "
    "smaller one",
}

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
    pictures = [item for item in reqData if item["type"] == DATA_IMAGE] or list(reqData)[:1]
    if len(pictures) > 1:
        return SEVERAL_IMAGES
    if not pictures or not pictures[0]["data"]:
        return NO_IMAGE
    try:
        rgb = images.decode_rgb(pictures[0]["data"], max_pixels)
    except images.UndecodableImage as error:
        print(f"yolov5: {usrTag}: undecodable picture: {error}", flush=True)
        return UNDECODABLE_IMAGE
    except images.ImageTooLarge as error:
        print(f"yolov5: {usrTag}: picture too large: {error}", flush=True)
        return IMAGE_TOO_LARGE

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
