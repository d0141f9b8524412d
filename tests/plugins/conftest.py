# SPDX-License-Identifier: Apache-2.0
"""Loads the plugins as the Python shim does: module `wrapper` from the plugin's folder."""

import importlib.util
import io
import json
import sys
from pathlib import Path

import pytest
from aiges.errors import BadInput
from loader_fixtures import binaries, xsf_stubs
from PIL import Image

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"


class Plugin:
    """Calls the v1 functions positionally, with a tuple of dicts and an empty list."""

    def __init__(self, wrapper, folder):
        self.wrapper, self.folder = wrapper, folder

    def exec(self, *payloads):
        """Payloads are bytes (an image) or (bytes, type). Returns code and the result list."""
        request, results = [], []
        for number, payload in enumerate(payloads):
            data, kind = payload if isinstance(payload, tuple) else (payload, 2)
            request.append(
                {
                    "key": f"in{number}",
                    "data": data,
                    "len": len(data),
                    "status": 3,
                    "type": kind,
                    "desc": {},
                }
            )
        code = self.wrapper.wrapperOnceExec("tag-1", {}, tuple(request), results, (), 0)
        return code, results

    def refusal(self, *payloads):
        """The BadInput of a call that the plugin refuses."""
        with pytest.raises(BadInput) as raised:
            self.exec(*payloads)
        return raised.value

    def boxes(self, *payloads):
        """The decoded JSON of a call that must succeed, its envelope checked."""
        code, results = self.exec(*payloads)
        assert code == 0, self.wrapper.wrapperError(code)
        (item,) = results
        assert (item["key"], item["status"], item["type"]) == ("boxes", 3, 0)
        assert item["len"] == len(item["data"])
        return json.loads(item["data"].decode("utf-8"))


def load_plugin(name, module_name):
    folder = PLUGINS / name
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    spec = importlib.util.spec_from_file_location(module_name, folder / "wrapper.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return Plugin(module, folder)


@pytest.fixture(scope="session")
def mmocr():
    plugin = load_plugin("mmocr", "mmocr_wrapper")
    assert plugin.wrapper.wrapperInit({"engine": "rapidocr", "threads": "2"}) == 0
    return plugin


@pytest.fixture
def fresh_mmocr():
    """Not initialised."""
    return load_plugin("mmocr", "mmocr_wrapper_fresh")


@pytest.fixture
def fresh_yolov5():
    """Not initialised."""
    return load_plugin("yolov5", "yolov5_wrapper_fresh")


@pytest.fixture(scope="session")
def make_test_model():
    path = PLUGINS / "yolov5" / "make_test_model.py"
    spec = importlib.util.spec_from_file_location("make_test_model", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def shapes_model(tmp_path_factory, make_test_model):
    """The test model as a file."""
    path = tmp_path_factory.mktemp("weights") / "shapes.onnx"
    path.write_bytes(make_test_model.build_model().SerializeToString())
    return path


@pytest.fixture(scope="session")
def yolov5(shapes_model):
    plugin = load_plugin("yolov5", "yolov5_wrapper")
    assert plugin.wrapper.wrapperInit({"model": str(shapes_model)}) == 0
    return plugin


@pytest.fixture(scope="session")
def encode():
    """encode(image or array, format, **options) -> bytes."""

    def encode_image(image, kind="PNG", **options):
        if not isinstance(image, Image.Image):
            image = Image.fromarray(image)
        buffer = io.BytesIO()
        image.save(buffer, kind, **options)
        return buffer.getvalue()

    return encode_image
