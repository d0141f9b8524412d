# SPDX-License-Identifier: Apache-2.0
"""What is asked of paddle_serving_app.reader, the original's and ours: the same seeded inputs.

``cases(folder)`` gives (name, what is called with the module reader); files are in ``folder``.
"""

import base64
import hashlib
import random
import zlib

import cv2
import numpy as np
from reader_cases_text import texts

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
DB = {"thresh": 0.3, "box_thresh": 0.5, "max_candidates": 1000, "unclip_ratio": 1.5}
FULL_BYTES, SAMPLES = 2500, 64


def picture(seed, height, width, channels=3):
    """Noise over colours that run, so that a shift of a pixel is seen."""
    rng = np.random.RandomState(seed)
    rows, columns = np.mgrid[0:height, 0:width]
    steps = (rows * 5 + columns * 3)[:, :, None] + np.arange(channels) * 40
    return ((steps + rng.randint(0, 60, (height, width, channels))) % 256).astype(np.uint8)


def encoded(value):
    """The value as JSON holds it: arrays with their bytes, or a sum and some of their numbers."""
    if isinstance(value, np.ndarray):
        data = np.ascontiguousarray(value).tobytes()
        found = {"dtype": str(value.dtype), "shape": list(value.shape)}
        if len(data) <= FULL_BYTES:
            return {**found, "zlib": base64.b64encode(zlib.compress(data, 9)).decode()}
        flat = np.ascontiguousarray(value).ravel()
        some = flat[:: max(1, flat.size // SAMPLES)][:SAMPLES]
        return {**found, "sha256": hashlib.sha256(data).hexdigest(), "some": encoded(some)}
    if isinstance(value, np.generic):
        return {"dtype": str(value.dtype), "value": repr(value.item())}
    if isinstance(value, dict):
        return {"dict": {key: encoded(value[key]) for key in sorted(value)}}
    if isinstance(value, (list, tuple)):
        return {type(value).__name__: [encoded(each) for each in value]}
    if isinstance(value, float):
        return {"float": repr(value)}
    if hasattr(value, "getpixel"):
        return {"pillow": encoded(np.array(value))}
    return value


def answer(call, reader):
    """What is returned, or how it fails; chance begins anew for each."""
    random.seed(7)
    np.random.seed(7)
    try:
        return encoded(call(reader))
    except Exception as error:
        return {"raises": type(error).__name__}


def cases(folder):
    yield from _pictures(folder)
    yield from _detection(folder)
    yield from _ocr_boxes()
    yield from _ocr_text(folder)
    yield from _boxes(folder)
    yield from texts(folder)
    yield from _video()


def _pictures(folder):
    img, gray = picture(1, 37, 53), picture(2, 20, 31, 1)
    path, none = folder / "noise.png", folder / "none.png"
    cv2.imwrite(str(path), img)
    cv2.imwrite(str(folder / "gray.png"), gray)
    none.write_bytes(b"no picture")
    data = path.read_bytes()
    text = base64.b64encode(data)
    floats = img[:12, :17].astype(np.float32) / 3
    small, chw = img[:12, :17], np.ascontiguousarray(img[:12, :17].transpose(2, 0, 1))

    yield "File2Image", lambda r: r.File2Image()(str(path))
    yield "File2Image gray", lambda r: r.File2Image()(str(folder / "gray.png"))
    yield "File2Image none", lambda r: r.File2Image()(str(none))
    yield "String2Image", lambda r: r.image_reader.String2Image()(data)
    yield "Base64ToImage bytes", lambda r: r.Base64ToImage()(text)
    yield "Base64ToImage text", lambda r: r.Base64ToImage()(text.decode())
    yield "Base64ToImage bad", lambda r: r.Base64ToImage()("xx")
    yield "BGR2RGB", lambda r: r.BGR2RGB()(small)
    yield "RGB2BGR", lambda r: r.RGB2BGR()(small)
    for value in (255.0, 3, 0.1):
        yield f"Div {value}", lambda r, v=value: r.Div(v)(small)
    yield "Div float64", lambda r: r.Div(np.float64(7))(small)
    for name, x, first in (("uint8", small, False), ("float", floats, False), ("chw", chw, True)):
        yield f"Normalize {name}", lambda r, x=x, f=first: r.Normalize(MEAN, STD, f)(x)
    yield "Normalize of one", lambda r: r.Normalize([0.5], [0.5])(small)
    yield "Transpose", lambda r: r.Transpose((2, 0, 1))(small)
    for stride in (32, 5, 1, 0):
        yield f"PadStride {stride}", lambda r, s=stride: r.PadStride(s)(chw)
    for size in (16, 15.5, (20, 14), (90, 7), 60):
        for most in (2147483647, 21):
            yield f"Resize {size} {most}", lambda r, s=size, m=most: r.Resize(s, m)(img)
    for how in (0, 1, 2, 3, 4):
        yield f"Resize {how}", lambda r, h=how: r.Resize(14, interpolation=h)(img)
    yield "Resize float", lambda r: r.Resize(9)(floats)
    yield "Resize 640,640", lambda r: r.Resize(640, 640)(picture(3, 75, 100)).shape
    for size in (10, 11, 37, 41, 60):
        yield f"CenterCrop {size}", lambda r, s=size: r.CenterCrop(s)(img)
    sizes = ((37, 53), (64, 64), (31, 33), (32, 63), (65, 129), (1, 300), (20, 20), (500, 30))
    for height, width in sizes:
        for most in (2400, 150):
            name = f"ResizeByFactor {height} {width} {most}"
            x = picture(4, height, width)
            yield name, lambda r, x=x, m=most: r.ResizeByFactor(32, m)(x)
    yield (
        "Sequential",
        lambda r: r.Sequential(
            [r.File2Image(), r.Resize(20), r.CenterCrop(12), r.RGB2BGR(), r.Transpose((2, 0, 1))]
            + [r.Div(255), r.Normalize(MEAN, STD, True)]
        )(str(path)),
    )
    yield "Sequential shown", lambda r: repr(r.Sequential([r.BGR2RGB(), r.Div(2.0), r.Resize(3)]))
    yield "ImageReader", lambda r: r.ImageReader().process_image(data)
    cubic = {"interpolation": 2, "image_shape": [3, 30, 30], "resize_short_size": 33}
    yield "ImageReader cubic", lambda r: r.ImageReader(**cubic).process_image(data)
    yield "ImageReader anywhere", lambda r: r.ImageReader(crop_center=False).process_image(data)
    yield "ImageReader none", lambda r: r.ImageReader().process_image(b"no picture")


def _detection(folder):
    img = picture(5, 30, 47)
    path = folder / "detect.png"
    cv2.imwrite(str(path), img)
    chw = img[:9, :13].transpose(2, 0, 1).astype(np.float32)

    def info():
        return {
            "im_shape": np.array([30, 47], np.float32),
            "scale_factor": np.array([1, 1], np.float32),
        }

    yield "DetectionFile2Image", lambda r: r.DetectionFile2Image()(str(path), info())
    yield "DetectionFile2Image alone", lambda r: r.DetectionFile2Image()(str(path))
    yield "DetectionBGR2RGB", lambda r: r.DetectionBGR2RGB()(img, info())
    yield "DetectionDiv", lambda r: r.image_reader.DetectionDiv(3.0)(img[:9, :13], info())
    for scale in (True, False):
        name = f"DetectionNormalize {scale}"
        yield name, lambda r, s=scale: r.DetectionNormalize(MEAN, STD, s)(img[:9, :13], info())
    for size in (20, [12, 33], [12, 16], (33, 12)):
        for keep in (True, False):
            name = f"DetectionResize {size} {keep}"
            yield name, lambda r, s=size, k=keep: r.DetectionResize(s, k)(img, info())
    for most in range(20, 30):
        yield (
            f"DetectionResize most {most}",
            lambda r, m=most: r.DetectionResize([16, m])(img, info())[1],
        )
    yield "DetectionResize cubic", lambda r: r.DetectionResize([12, 99], True, 2)(img, info())
    yield "DetectionResize alone", lambda r: r.DetectionResize(20)(img)
    yield "DetectionTranspose", lambda r: r.DetectionTranspose((2, 0, 1))(img, info())
    for stride in (8, 1):
        yield (
            f"DetectionPadStride {stride}",
            lambda r, s=stride: r.DetectionPadStride(s)(chw, info()),
        )
    yield "DetectionPadStride 0", lambda r: r.DetectionPadStride(0)(chw, info())
    yield (
        "DetectionSequential",
        lambda r: r.DetectionSequential(
            [r.DetectionFile2Image(), r.DetectionNormalize(MEAN, STD, True)]
            + [r.DetectionResize((15, 26), True, interpolation=2)]
            + [r.DetectionTranspose((2, 0, 1)), r.DetectionPadStride(16)]
        )(str(path)),
    )
    yield "DetectionSequential of one", lambda r: r.DetectionSequential([r.DetectionBGR2RGB()])(img)


def text_map(seed, height=120, width=160):
    """A map as a detector of text gives it: lines at some angles, blurred."""
    rng = np.random.RandomState(seed)
    found = np.zeros((height, width), np.float32)
    for _ in range(rng.randint(3, 9)):
        centre = (float(rng.randint(10, width - 10)), float(rng.randint(10, height - 10)))
        size = (float(rng.randint(4, 70)), float(rng.randint(2, 16)))
        corners = cv2.boxPoints((centre, size, float(rng.randint(-40, 40)))).astype(np.int32)
        cv2.fillPoly(found, [corners], float(rng.uniform(0.25, 1)))
    return np.clip(found + rng.rand(height, width).astype(np.float32) * 0.05, 0, 1)


def boxes_of(seed, count):
    rng = np.random.RandomState(seed)
    middles = rng.randint(-5, 110, (count, 1, 2))
    corners = np.array([[-9, -6], [11, -5], [12, 7], [-8, 6]])[None]
    return (middles + corners + rng.randint(-4, 5, (count, 4, 2))).astype(np.int16)


def _ocr_boxes():
    for seed in (*range(7), 8, 9, 10, 11):  # With 7, OpenCV 3.4 and 5.0 find other boxes.
        maps = np.stack([text_map(seed), text_map(seed + 50)])[:, None]
        ratios = [[0.5, 0.75], [1.0, 1.3]]
        yield f"DBPostProcess {seed}", lambda r, m=maps, q=ratios: r.DBPostProcess(DB)(m, q)
    strict = {"thresh": 0.6, "box_thresh": 0.8, "max_candidates": 2, "unclip_ratio": 2.0}
    maps = text_map(99)[None, None]
    yield "DBPostProcess strict", lambda r: r.DBPostProcess(strict)(maps, [[1, 1]])
    dots = np.zeros((1, 1, 90, 120), np.float32)
    for side in range(1, 9):
        dots[0, 0, 8:30, 12 * side : 13 * side] = dots[0, 0, 80 - side : 80, 12 * side :][:, :7] = (
            0.9
        )
    for ratio in (0.2, 1.5):
        few = {**DB, "unclip_ratio": ratio}
        yield f"DBPostProcess dots {ratio}", lambda r, p=few: r.DBPostProcess(p)(dots, [[1, 1]])
    for most in (1, 3):
        few = {**DB, "max_candidates": most}
        yield f"DBPostProcess first {most}", lambda r, p=few: r.DBPostProcess(p)(dots, [[1, 1]])
    yield "DBPostProcess nothing", lambda r: r.DBPostProcess(DB)(maps * 0, [[1, 1]])
    for seed in range(4):
        boxes = boxes_of(seed, 12)
        yield f"FilterBoxes {seed}", lambda r, b=boxes: r.FilterBoxes(10, 10)(b, [90, 100])
        floats = boxes.astype(np.float32)
        yield f"SortedBoxes {seed}", lambda r, b=floats: r.SortedBoxes()(b)
    yield "FilterBoxes none", lambda r: r.FilterBoxes(10, 10)([], [90, 100])
    yield "SortedBoxes none", lambda r: r.SortedBoxes()(np.zeros((0, 4, 2), np.float32))
    img = picture(6, 60, 80)
    for name, points in (
        ("straight", [[10, 10], [50, 10], [50, 28], [10, 28]]),
        ("skew", [[10.7, 12.2], [49.9, 8], [52, 30.5], [9, 28]]),
        ("high", [[20, 5], [31, 6], [30, 55], [19, 54]]),
        ("at the border", [[0, 0], [79, 2], [78, 20], [1, 22]]),
    ):
        points = np.array(points, np.float32)
        yield (
            f"GetRotateCropImage {name}",
            lambda r, p=points: r.GetRotateCropImage()(img, p.copy()),
        )


def _ocr_text(folder):
    words = folder / "characters.txt"
    words.write_text("a\nb\nc d\n\n中\n文\n", encoding="utf-8")
    img, rng = picture(7, 30, 47), np.random.RandomState(8)

    def made(r, **more):
        return r.OCRReader(char_dict_path=str(words), **more)

    for ratio in (5, 1.6, 1, 3.33):
        name = f"OCRReader.resize_norm_img {ratio}"
        yield name, lambda r, q=ratio: made(r).resize_norm_img(img, q)
    english = {"char_type": "en", "image_shape": [3, 32, 100]}
    yield "OCRReader.resize_norm_img en", lambda r: made(r, **english).resize_norm_img(img, 9)
    yield "OCRReader.preprocess", lambda r: made(r).preprocess([img, img[:, :20]])
    outputs = {
        "ctc_greedy_decoder_0.tmp_0": np.array([[0], [1], [6], [7], [7], [2], [3]], np.int64),
        "ctc_greedy_decoder_0.tmp_0.lod": np.array([0, 3, 7], np.int64),
        "softmax_0.tmp_0": rng.rand(9, 8).astype(np.float32),
        "softmax_0.tmp_0.lod": np.array([0, 5, 9], np.int64),
    }
    yield "OCRReader.postprocess", lambda r: made(r).postprocess(outputs)
    yield "OCRReader.postprocess score", lambda r: made(r).postprocess(outputs, with_score=True)
    for seed in range(6):
        steps = np.random.RandomState(seed).rand(3, 12, 9).astype(np.float32) ** 3
        steps[:, ::3, 0] += 1
        steps = {"save_infer_model/scale_0.tmp_1": steps}
        yield f"OCRReader v2 {seed}", lambda r, s=steps: made(r).postprocess_ocrv2(s)
    blank = {"save_infer_model/scale_0.tmp_1": np.eye(1, 9, dtype=np.float32)[None].repeat(3, 1)}
    shown = {"save_infer_model/scale_0.tmp_1": np.float32(0.8) * np.eye(3, 9, 1, np.float32)[None]}
    yield "OCRReader v2 shown", lambda r: str(made(r).postprocess_ocrv2(shown))
    yield "OCRReader v2 blank", lambda r: str(made(r).postprocess_ocrv2(blank))


def _boxes(folder):
    labels = folder / "labels.txt"
    labels.write_text("person\ncar\ndog\n")
    shown = str(folder / "shown.png")
    cv2.imwrite(shown, np.full((90, 120, 3), 200, np.uint8))
    rng = np.random.RandomState(9)
    rows = np.concatenate([rng.randint(0, 3, (9, 1)), rng.rand(9, 1), rng.rand(9, 4) * 80], 1)
    rows = rows.astype(np.float32)
    lod = np.array([0, 9], np.int32)
    result = {"image": shown, "multiclass_nms": rows, "multiclass_nms.lod": lod}

    def rcnn(r, data, visualize=False, **more):
        return r.RCNNPostprocess(str(labels), str(folder / "drawn"), **more)(data, visualize)

    def drawn(r, **more):
        two = {**result, "multiclass_nms": rows[:2].copy(), "multiclass_nms.lod": np.array([0, 2])}
        two["multiclass_nms"][:, 1:] = [[0.9, 20, 30, 70.5, 60], [0.2, 5, 5, 60, 80]]
        rcnn(r, two, True, **more)
        made = cv2.imread(str(folder / "drawn" / "shown.png"))
        return [made[45:], (folder / "drawn" / "bbox.json").read_text()]

    yield "RCNNPostprocess", lambda r: rcnn(r, result)
    none = {**result, "multiclass_nms": np.array([[-1.0]], np.float32)}
    yield (
        "RCNNPostprocess none",
        lambda r: rcnn(r, {**none, "multiclass_nms.lod": np.array([0, 1])}),
    )
    yield "RCNNPostprocess drawn", drawn
    yield "RCNNPostprocess drawn larger", lambda r: drawn(r, resize_shape=[117, 71])
    yield "RCNNPostprocess.color_map", lambda r: r.image_reader.generate_colormap(20)
    faces = np.concatenate([rows[:, :2] * [0, 1], rng.rand(9, 4) * 1.6 - 0.3], 1)
    faces = {"image": shown, "im_shape": np.array([90, 120, 3], np.float32), "f": faces}
    faces["f"], faces["f.lod"] = faces["f"].astype(np.float32), lod
    blaze = (str(labels), str(folder / "drawn"))
    yield "BlazeFacePostprocess", lambda r: r.BlazeFacePostprocess(*blaze)(faces, False)
    mask = rng.randint(0, 4, (1, 512, 512, 1)).astype(np.float32)

    def segmented(r):
        r.SegPostprocess(4)({"filename": shown, "transpose_1.tmp_0": mask})
        names = ("shown_png_mask.png", "shown_png_result.png")
        return [cv2.imread(str(folder / name), cv2.IMREAD_UNCHANGED) for name in names]

    yield "SegPostprocess", segmented


def _video():
    def frames(count=25):
        moving = [picture(at, 24, 30)[:, :, ::-1] for at in range(count)]
        return {"frames": moving, "frames_len": count, "format": "video", "backend": "cv2"}

    def imgs(results):
        return results["imgs"]

    plain = {"num_seg": 8, "seg_len": 1}
    switches = ({}, {"select_left": True}, {"linspace_sample": True})
    for more in (*switches, {"num_seg": 3, "seg_len": 2}, {"num_seg": 30}, {"seg_len": 5}):
        for valid in (True, False):
            arguments = {**plain, **more, "valid_mode": valid}
            name = f"Sampler {more} {valid}"
            yield (
                name,
                lambda r, a=arguments: [
                    np.array(x)[:2, :2] for x in imgs(r.Sampler(**a)(frames()))
                ],
            )

    def sampled(r):
        return r.Sampler(2, 1, valid_mode=True)(frames())

    for more in (
        *({}, {"backend": "cv2"}, {"do_round": True}, {"fixed_ratio": False}),
        *(
            {"fixed_ratio": False, "keep_ratio": True, "do_round": rounded}
            for rounded in (True, False)
        ),
    ):
        yield f"Scale {more}", lambda r, m=more: imgs(r.Scale(17, **m)(sampled(r)))
    for size in (12, 13):
        yield f"TenCrop {size}", lambda r, s=size: imgs(r.TenCrop(s)(sampled(r)))
        for rounded in (True, False):
            name = f"video CenterCrop {size} {rounded}"
            yield (
                name,
                lambda r, s=size, d=rounded: imgs(r.pptsn_reader.CenterCrop(s, d)(sampled(r))),
            )
    for more in ({}, {"data_format": "cthw"}, {"transpose": False}):
        yield f"Image2Array {more}", lambda r, m=more: imgs(r.Image2Array(**m)(sampled(r)))
    yield (
        "Normalization",
        lambda r: imgs(r.Normalization(MEAN, STD)(r.Image2Array()(r.TenCrop(9)(sampled(r))))),
    )
