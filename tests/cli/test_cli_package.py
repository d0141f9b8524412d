# SPDX-License-Identifier: Apache-2.0
"""asectl package: a build context that hadolint accepts, laid out as it serves."""

import os
import shutil
import subprocess
import sys

import pytest
from asectl_process import ROOT, hadolint

ENGINE = "def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):\n    return 0\n"


@pytest.mark.parametrize("template", ["once", "cpp"])
def test_a_project_becomes_a_build_context(asectl, tmp_path, template):
    asectl("create", "Shop", "-t", template, *(["--style", "v2"] if template == "once" else []))
    project = tmp_path / "Shop"
    if template == "cpp":
        subprocess.run(["make"], cwd=project, check=True, capture_output=True)
    made = asectl("package", "--json", "--apt", "libgl1", "--apt", "curl", cwd=project).json
    folder = project / "image"
    text = (folder / "Dockerfile").read_text()
    assert "ARG BASE_IMAGE=aiges-gpu:" in text and "FROM ${BASE_IMAGE}" in text
    assert "curl libgl1" in text and "-s=Shop" in text
    hadolint(folder / "Dockerfile")
    name = "libwrapper.so" if template == "cpp" else "wrapper.py"
    assert f"plugin/{name}" in made["files"]
    assert ("requirements.txt" in made["files"]) == (template == "once")
    config = (folder / "aiges.toml").read_text()
    assert 'host = "0.0.0.0"' in config and str(tmp_path) not in config
    assert 'http_listen = "0.0.0.0:1888"' in config


def test_the_context_serves_as_the_base_image_would(asectl, tmp_path, binaries, start):
    """The folders of the image, with AIService from the build: the same lines of the Dockerfile."""
    asectl("create", "Shop", "--style", "v2")
    asectl("package", "Shop", "--out", "ctx")
    place = tmp_path / "home"
    shutil.copytree(tmp_path / "ctx/plugin", place)
    config = (tmp_path / "ctx/aiges.toml").read_text()
    config = config.replace("/home/aiges/library", str(binaries.loader.parent))
    config = config.replace("python3", sys.executable).replace("5090", "0").replace("1888", "0")
    (place / "aiges.toml").write_text(config)
    done = subprocess.run(
        [binaries.loader, "-check", "-c", "aiges.toml", "-s", "Shop"],
        cwd=place,
        env={**os.environ, "PYTHONPATH": f"{place}{os.pathsep}{ROOT / 'sdk'}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_a_typed_model_is_packaged_with_its_contract(asectl, tmp_path):
    asectl("create", "Shop")
    made = asectl("package", "--json", cwd=tmp_path / "Shop").json
    assert {"plugin/model.py", "requirements.txt"} <= set(made["files"])
    config = (tmp_path / "Shop/image/aiges.toml").read_text()
    assert 'contract = "typed"' in config and 'app = "model"' in config


def test_a_lone_wrapper_is_packaged_without_its_litter(asectl, tmp_path):
    (tmp_path / "wrapper.py").write_text(ENGINE)
    (tmp_path / "helper").mkdir()
    (tmp_path / "helper/__init__.py").write_text("x = 1\n")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/big").write_text("")
    made = asectl("package", "--json", "--base", "my/base:1.2").json
    assert set(made["files"]) == {
        "Dockerfile",
        "aiges.toml",
        "plugin/wrapper.py",
        "plugin/helper/__init__.py",
    }
    assert made["service"] == "svcName"
    assert "my/base:1.2" in (tmp_path / "image/Dockerfile").read_text()


def test_a_folder_is_replaced_only_by_force_and_if_it_is_ours(asectl, tmp_path):
    (tmp_path / "wrapper.py").write_text(ENGINE)
    asectl("package")
    assert "--force" in asectl("package", code=1).err
    asectl("package", "--force")
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/thing").write_text("")
    said = asectl("package", "--force", "-o", "precious", code=1)
    assert "earlier package" in said.err and (tmp_path / "precious/thing").exists()
