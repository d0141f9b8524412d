# SPDX-License-Identifier: Apache-2.0
"""python -m paddle_serving_app.package: models of a folder or an address, checked by their sum."""

import functools
import hashlib
import http.server
import os
import re
import subprocess
import sys
import threading

import pytest
from paddle_reader_answers import COMPAT, ROOT

MODEL = b"a model" * 999


def package(folder, *arguments, **environment):
    """The tool, run in ``folder``: exit code, what it prints, what it complains."""
    env = {**os.environ, "PYTHONPATH": f"{COMPAT}:{ROOT / 'sdk'}", **environment}
    command = [sys.executable, "-m", "paddle_serving_app.package", *arguments]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def models(tmp_path):
    """A folder with two models, of which one is not what its sum says."""
    folder = tmp_path / "models"
    folder.mkdir()
    for name, data in (("lac", MODEL), ("deeplabv3+cityscapes", MODEL), ("ernie", b"another")):
        (folder / f"{name}.tar.gz").write_bytes(data)
        line = f"{hashlib.sha256(MODEL).hexdigest()}  {name}.tar.gz\n"
        (folder / f"{name}.tar.gz.sha256").write_text(line)
    return folder


@pytest.fixture
def address(models):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    handler = functools.partial(Quiet, directory=str(models))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def here(tmp_path):
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


def test_models_are_listed_as_by_the_original(here):
    code, said, _ = package(here, "--list_model")
    assert code == 0 and said.count("-" * 47 + "\n") == 7
    assert "ObjectDetection: faster_rcnn | yolov4 | blazeface\n" in said
    assert said.endswith("OCR: ocr_rec | ocr_det\n")


@pytest.mark.parametrize("name", ["lac", "deeplabv3+cityscapes"])
def test_a_model_comes_from_a_folder_or_an_address(here, models, address, name):
    for place in (str(models), address, address + "/"):
        code, said, _ = package(here, "--get_model", name, "--from", place, no_proxy="127.0.0.1")
        assert (code, said) == (0, f"./{name}.tar.gz\n")
        assert (here / f"{name}.tar.gz").read_bytes() == MODEL
        (here / f"{name}.tar.gz").unlink()
    assert package(here, "--get_model", name, AIGES_PADDLE_MODELS=str(models))[0] == 0
    assert [file.name for file in here.iterdir()] == [f"{name}.tar.gz"]


def test_without_a_place_one_line_says_which_file_to_put_where(here):
    code, said, complained = package(here, "--get_model", "lac")
    assert (code, said, complained.count("\n")) == (1, "", 1)
    for part in ("lac.tar.gz and lac.tar.gz.sha256", "--from or AIGES_PADDLE_MODELS"):
        assert part in complained


def test_what_is_not_there_or_not_what_it_should_be_is_not_written(here, models, address):
    (models / "yolov4.tar.gz").write_bytes(MODEL)  # Without its sum.
    (models / "unet.tar.gz.sha256").write_text(hashlib.sha256(b"").hexdigest())
    (models / "blazeface.tar.gz").write_bytes(b"")
    (models / "blazeface.tar.gz.sha256").write_text("")
    for name, place, why in (
        ("ernie", str(models), "ernie.tar.gz of .* is not what ernie.tar.gz.sha256 says"),
        ("ernie", address, "is not what"),
        ("yolov4", str(models), "yolov4.tar.gz.sha256 is not there"),
        ("yolov4", address, "cannot read .*yolov4.tar.gz.sha256: HTTP Error 404"),
        ("unet", str(models), "unet.tar.gz is not there"),
        ("blazeface", str(models), "is not what"),
        ("nothing", str(models), "no model is called nothing: --list_model"),
        ("../lac", str(models), "no model is called"),
        ("lac", "http://127.0.0.1:9", "cannot read http://127.0.0.1:9/lac.tar.gz.sha256"),
    ):
        code, said, complained = package(
            here, "--get_model", name, "--from", place, no_proxy="127.0.0.1"
        )
        assert (code, said, complained.count("\n")) == (1, "", 1), complained
        assert re.search(why, complained), complained
    assert list(here.iterdir()) == []


def test_one_of_both_is_asked(here):
    assert package(here)[0] == 2
    assert package(here, "--get_model", "lac", "--list_model")[0] == 2
