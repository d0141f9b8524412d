# SPDX-License-Identifier: Apache-2.0
"""plugins/yolov5 with a real ONNX model on real pictures, called as the shim calls it."""

import ast

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from PIL import Image, ImageDraw
from scipy import ndimage
from skimage import data, filters, measure, segmentation


@pytest.fixture(scope="module")
def real_coins():
    """Boxes (24, 4) of the coins, from an independent segmentation by edges and watershed."""
    coins = data.coins()
    markers = np.zeros(coins.shape, dtype=np.int32)
    markers[coins < 30], markers[coins > 150] = 1, 2
    filled = ndimage.binary_fill_holes(segmentation.watershed(filters.sobel(coins), markers) - 1)
    regions = measure.regionprops(ndimage.label(filled)[0])
    boxes = [region.bbox for region in regions if region.area > 300]
    assert len(boxes) == 24
    return np.array([(left, top, right, bottom) for top, left, bottom, right in boxes], float)


def match(real, detections):
    """For each real box, the best overlap (intersection over union) with a detected one."""
    best = np.zeros(len(real))
    for index, box in enumerate(real):
        for found in detections:
            left, top, right, bottom = found["box"]
            width = min(box[2], right) - max(box[0], left)
            height = min(box[3], bottom) - max(box[1], top)
            shared = max(width, 0) * max(height, 0)
            union = (box[2] - box[0]) * (box[3] - box[1]) + (right - left) * (bottom - top) - shared
            best[index] = max(best[index], shared / union)
    return best


@pytest.fixture(scope="module")
def coins(yolov5, encode):
    return yolov5.boxes(encode(data.coins()))


def test_the_coins_are_found_where_they_are(coins, real_coins):
    assert (coins["width"], coins["height"]) == (384, 303)
    overlap = match(real_coins, coins["detections"])
    assert (overlap > 0.5).sum() >= 22
    assert len(coins["detections"]) <= 26


def test_coins_are_discs_with_a_score_and_the_best_first(coins):
    found = coins["detections"]
    assert sum(item["label"] == "disc" for item in found) >= 0.9 * len(found)
    scores = [item["score"] for item in found]
    assert scores == sorted(scores, reverse=True) and 0.25 <= scores[-1] <= scores[0] <= 1
    for item in found:
        left, top, right, bottom = item["box"]
        assert 0 <= left < right <= 384 and 0 <= top < bottom <= 303
        assert item["class"] == ["disc", "square"].index(item["label"])


def test_the_picture_in_test_data_is_that_one(yolov5, coins):
    assert yolov5.boxes((yolov5.folder / "test_data" / "coins.png").read_bytes()) == coins


@pytest.mark.parametrize("scale", [0.6, 1.7, 3])
def test_other_sizes_give_boxes_in_their_own_pixels(yolov5, encode, real_coins, scale):
    image = Image.fromarray(data.coins())
    image = image.resize((round(384 * scale), round(303 * scale)))
    result = yolov5.boxes(encode(image, "JPEG", quality=92))
    assert result["width"] == image.width
    assert (match(real_coins * scale, result["detections"]) > 0.5).sum() >= 20


def test_a_tall_picture_is_letterboxed_at_the_sides(yolov5, encode, real_coins):
    turned = np.rot90(data.coins())
    left, top, right, bottom = real_coins.T
    turned_coins = np.stack([top, 384 - right, bottom, 384 - left], axis=1)
    result = yolov5.boxes(encode(np.ascontiguousarray(turned)))
    assert (result["width"], result["height"]) == (303, 384)
    assert (match(turned_coins, result["detections"]) > 0.5).sum() >= 22


def test_discs_and_squares_are_told_apart(yolov5, encode):
    image = Image.new("L", (640, 480), 40)
    pen = ImageDraw.Draw(image)
    squares = [(100, 100, 176, 176), (450, 300, 610, 460)]
    disc = (300, 200, 376, 276)
    for box in squares:
        pen.rectangle(box, fill=210)
    pen.ellipse(disc, fill=150)
    # The best three. Of a template twice as large the model may leave a weaker ghost.
    found = yolov5.boxes(encode(image))["detections"][:3]
    by_label = {label: [d for d in found if d["label"] == label] for label in ("disc", "square")}
    assert match([disc], by_label["disc"]) > 0.7
    assert (match(squares, by_label["square"]) > 0.7).all()


@pytest.mark.parametrize("size", [(640, 480), (1, 1), (1, 2000), (2000, 1)])
def test_an_empty_picture_gives_no_detections(yolov5, encode, size):
    result = yolov5.boxes(encode(Image.new("L", size, 90)))
    assert result == {"detections": [], "width": size[0], "height": size[1]}


# ---- configuration


def init_error(plugin, config):
    code = plugin.wrapper.wrapperInit(config)
    assert code == plugin.wrapper.INIT_FAILED
    return plugin.wrapper.wrapperError(code)


def test_without_model_the_first_onnx_file_of_resources_is_taken(
    fresh_yolov5, shapes_model, tmp_path
):
    (tmp_path / "b.onnx").write_bytes(b"never read")
    (tmp_path / "a.onnx").write_bytes(shapes_model.read_bytes())
    assert fresh_yolov5.wrapper.wrapperInit({"resources": str(tmp_path)}) == 0
    assert fresh_yolov5.wrapper.model.path.name == "a.onnx"


def test_missing_weights_are_explained(fresh_yolov5, tmp_path):
    assert "has no *.onnx file" in init_error(fresh_yolov5, {"resources": str(tmp_path)})
    text = init_error(fresh_yolov5, {"resources": str(tmp_path / "none")})
    assert "does not exist" in text and "[wrapper] model" in text
    text = init_error(fresh_yolov5, {"model": "none.onnx"})
    assert text.startswith("model: expected a file") and "none.onnx" in text


def test_a_file_that_is_no_model_is_explained(fresh_yolov5, tmp_path):
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"\x08\x07garbage")
    assert "ONNX Runtime cannot load it" in init_error(fresh_yolov5, {"model": str(path)})


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("score_threshold", "high", "score_threshold: expected a number from 0.0 to 1.0"),
        ("iou_threshold", "1.5", "iou_threshold"),
        ("threads", "1.5", "threads: expected a whole number"),
        ("device", "npu", "auto, cpu, cuda"),
        ("names", "only-one", "2 classes, got 1 names"),
    ],
)
def test_a_bad_key_stops_init_with_its_name(fresh_yolov5, shapes_model, key, value, expected):
    assert expected in init_error(fresh_yolov5, {"model": str(shapes_model), key: value})


@pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="CUDA is there"
)
def test_cuda_without_a_cuda_runtime_stops_init(fresh_yolov5, shapes_model):
    text = init_error(fresh_yolov5, {"model": str(shapes_model), "device": "cuda"})
    assert "onnxruntime-gpu" in text


def test_class_names_come_from_config_then_file_then_metadata_then_numbers(
    fresh_yolov5, shapes_model, tmp_path
):
    names_file = tmp_path / "names.txt"
    names_file.write_text("rund\nviereckig\n\n", encoding="utf-8")
    bare = onnx.load(shapes_model)
    del bare.metadata_props[:]
    bare_path = tmp_path / "bare.onnx"
    onnx.save(bare, bare_path)
    for config, expected in [
        ({"model": str(shapes_model), "names": "coin, box"}, ["coin", "box"]),
        ({"model": str(shapes_model), "names_file": str(names_file)}, ["rund", "viereckig"]),
        ({"model": str(shapes_model)}, ["disc", "square"]),
        ({"model": str(bare_path)}, ["0", "1"]),
    ]:
        assert fresh_yolov5.wrapper.wrapperInit(config) == 0
        assert fresh_yolov5.wrapper.model.names == expected


# ---- output layouts, with models of a few nodes that give back constant rows

ROWS = [
    [100, 160, 40, 40, 0.9, 0.9, 0.1],
    [104, 160, 40, 40, 0.8, 0.9, 0.1],  # Suppressed by the first: same class, much overlap.
    [104, 162, 40, 40, 0.8, 0.1, 0.9],  # Stays: another class.
    [200, 160, 20, 30, 0.9, 0.2, 0.1],  # Below the threshold: 0.9 x 0.2.
    [200, 50, 20, 20, 0.9, 0.9, 0.1],  # In the padding only.
] + [[0.0] * 7] * 4


def constant_model(path, input_shape, output, kind=TensorProto.FLOAT):
    """Gives `output` plus zero times the sum of the picture, so that the input is really used."""
    dtype = np.float16 if kind == TensorProto.FLOAT16 else np.float32
    output = np.asarray(output, dtype)
    nodes = [
        helper.make_node("ReduceSum", ["images"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["sum", "zero"], ["nothing"]),
        helper.make_node("Add", ["rows", "nothing"], ["output0"]),
    ]
    weights = [
        onnx.numpy_helper.from_array(np.asarray(0, dtype), "zero"),
        onnx.numpy_helper.from_array(output, "rows"),
    ]
    inputs = [helper.make_tensor_value_info("images", kind, input_shape)]
    outputs = [helper.make_tensor_value_info("output0", kind, output.shape)]
    graph = helper.make_graph(nodes, "constant", inputs, outputs, weights)
    opset = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return str(path)


@pytest.mark.parametrize(
    ("input_shape", "output", "kind"),
    [
        ([1, 3, 320, 320], [ROWS], TensorProto.FLOAT),
        ([4, 3, 320, 320], [ROWS] * 4, TensorProto.FLOAT),
        ([1, 3, 320, 320], ROWS, TensorProto.FLOAT),
        (["batch", 3, "height", "width"], [ROWS], TensorProto.FLOAT),
        ([1, 3, 320, 320], [ROWS], TensorProto.FLOAT16),
    ],
    ids=["fixed", "batch-of-4", "no-batch-axis", "dynamic", "float16"],
)
def test_every_yolov5_export_gives_the_same_boxes(
    fresh_yolov5, tmp_path, encode, input_shape, output, kind
):
    path = constant_model(tmp_path / "m.onnx", input_shape, output, kind)
    config = {"model": path, "img_size": "320"}
    assert fresh_yolov5.wrapper.wrapperInit(config) == 0, fresh_yolov5.wrapper.wrapperError(1)
    # Twice as wide as the input and half as high: scale 0.5, 120 rows of padding on top.
    result = fresh_yolov5.boxes(encode(Image.new("RGB", (640, 160))))
    found = [(d["box"], d["label"], round(d["score"], 2)) for d in result["detections"]]
    assert found == [([160, 40, 240, 120], "0", 0.81), ([168, 44, 248, 124], "1", 0.72)]


def test_another_output_layout_is_refused_at_init(fresh_yolov5, tmp_path):
    later_yolo = np.zeros((1, 84, 2100))
    path = constant_model(tmp_path / "m.onnx", [1, 3, 320, 320], later_yolo)
    assert "expected the YOLOv5 output" in init_error(fresh_yolov5, {"model": path})


def test_another_input_is_refused_at_init(fresh_yolov5, tmp_path):
    path = constant_model(tmp_path / "m.onnx", [1, 1, 320, 320], [ROWS])
    assert "expected one float image input" in init_error(fresh_yolov5, {"model": path})


# ---- the parts


def test_letterbox_keeps_the_aspect_and_maps_back_exactly(yolov5):
    from yolov5_plugin.letterbox import PAD_VALUE, Letterbox

    letterbox = Letterbox(400, 100, 200, 200)
    tensor = letterbox.apply(np.full((100, 400, 3), 255, np.uint8))
    assert tensor.shape == (3, 200, 200) and tensor.dtype == np.float32
    assert (tensor[:, 75:125] == 1).all()
    assert np.allclose(tensor[:, :75], PAD_VALUE / 255)
    corners = letterbox.to_picture([[0, 75, 200, 125], [50, 80, 100, 90], [-9, 0, 999, 999]])
    expected = [[0, 0, 400, 100], [100, 10, 200, 30], [0, 0, 400, 100]]
    assert corners.tolist() == expected


def test_suppression_equals_the_definition_on_random_boxes(yolov5):
    from yolov5_plugin.nms import iou, suppress

    random = np.random.default_rng(3)
    corner = random.uniform(0, 80, (200, 2))
    boxes = np.hstack([corner, corner + random.uniform(5, 30, (200, 2))])
    scores = random.uniform(0, 1, 200)
    kept = []
    for index in sorted(range(200), key=lambda i: -scores[i]):
        if all(iou(boxes[index], boxes[k : k + 1])[0] <= 0.4 for k in kept):
            kept.append(index)
    assert suppress(boxes, scores, 0.4).tolist() == kept
    assert 20 < len(kept) < 200


def test_rows_that_are_not_finite_are_dropped(yolov5):
    from yolov5_plugin.nms import detect

    rows = np.array([[50, 50, 10, 10, np.nan, 1], [50, 50, np.inf, 10, 1, 1], [9, 9, 4, 4, 1, 1]])
    boxes, scores, classes = detect(rows, 0.25, 0.45)
    assert boxes.tolist() == [[7, 7, 11, 11]] and scores.tolist() == [1] and classes.tolist() == [0]


def test_the_test_model_is_deterministic_and_says_what_it_is(make_test_model):
    model = make_test_model.build_model()
    assert model.SerializeToString() == make_test_model.build_model().SerializeToString()
    metadata = {item.key: item.value for item in model.metadata_props}
    assert ast.literal_eval(metadata["names"]) == {0: "disc", 1: "square"}
    (output,) = model.graph.output
    assert [axis.dim_value for axis in output.type.tensor_type.shape.dim] == [1, 8640, 7]
    assert sum(node.op_type == "Conv" for node in model.graph.node) >= 8
