# SPDX-License-Identifier: Apache-2.0
"""A project in Java: created, built by Maven, checked, served, called, changed."""

import os
import sys

import pytest
from asectl_process import hadolint
from waiting import wait_until


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("java")


@pytest.fixture
def project(asectl, folder):
    """Made and built once for all tests."""
    if not (folder / "Loud1").is_dir():
        asectl("create", "Loud1", "--contract", "java", cwd=folder)
    return folder / "Loud1"


def texts(said):
    return "".join(each["text"] for each in said.json["outputs"] if "text" in each)


def rewrite(file, old, new):
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_without_the_tools_it_says_what_to_install(asectl, project, tmp_path):
    programs = tmp_path / "programs"
    programs.mkdir()
    env = {"PATH": f"{programs}:{os.path.dirname(sys.executable)}"}
    said = asectl("check", cwd=project, code=1, env=env).err
    assert "expected engine.jar in" in said
    assert "mvn is missing: apt install openjdk-17-jdk-headless maven; then mvn" in said


def test_project_is_built_checked_served_called_and_changed(asectl, serve, project):
    hadolint(project / "Dockerfile")
    assert asectl("check", "--json", "--strict", cwd=project).json["ok"]
    assert (project / "engine.jar").is_file()
    assert "building" not in asectl("check", cwd=project).all
    serving = serve(project, "--reload")

    def call(*arguments):
        return texts(asectl("call", serving.grpc, *arguments, "--json", cwd=project))

    assert call("text=hello", "--param", "times=3") == "HELLO!!!"
    assert call("text=one", "--stream") == "ONE"
    said = asectl("call", serving.grpc, "text= ", "--json", cwd=project, code=1)
    assert "text: expected a word, got none;code=30006" in said.out + said.err
    source = project / "src/main/java/app/Model.java"
    rewrite(source, "toUpperCase() + marks", "toUpperCase() + '?' + marks")
    wait_until(lambda: call("text=a") == "A?!", "the new code", 60)
    assert serving.interrupt() == 0


def test_commands_for_hooks_say_whose_it_is(asectl, project):
    assert asectl("check", cwd=project).code == 0  # Builds it.
    for words in (("package",), ("run",)):
        said = asectl(*words, cwd=project, code=1).err
        assert "found engine.jar: asectl check and serve take it" in said
    assert not (project / "image").exists()


def test_several_jars_are_named(asectl, project):
    other = project / "other.jar"
    other.write_bytes(b"")
    said = asectl("check", cwd=project, code=1).err
    other.unlink()
    assert "expected one .jar in" in said and "engine.jar, other.jar" in said
