# SPDX-License-Identifier: Apache-2.0
"""Projects in Go and Rust: created, built, checked, served, called, changed."""

import os
import shutil
import subprocess
import sys

import pytest
from native_engines import LANGUAGES, need
from waiting import wait_until

SOURCES = {"go": "main.go", "rust": "src/lib.rs"}
PROGRAMS = {"go": "go", "rust": "cargo"}
LIBRARIES = {"go": "libwrapper.so", "rust": "target/release/libwrapper.so"}


@pytest.fixture(params=LANGUAGES)
def language(request):
    need(request.param)
    return request.param


@pytest.fixture
def project(asectl, tmp_path, language):
    asectl("create", "Loud1", "--contract", language)
    return tmp_path / "Loud1"


@pytest.fixture
def without(tmp_path):
    """without(program) -> an environment in which that program is not found."""

    def hide(program):
        folder = tmp_path / "programs"
        folder.mkdir()
        for place in ("/bin", "/usr/bin"):
            for name in os.listdir(place):
                if name != program and not (folder / name).exists():
                    (folder / name).symlink_to(f"{place}/{name}")
        return {"PATH": f"{folder}:{os.path.dirname(sys.executable)}"}

    return hide


def texts(said):
    return "".join(each["text"] for each in said.json["outputs"] if "text" in each)


def rewrite(file, old, new):
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_a_project_is_created_checked_served_called_and_changed(asectl, serve, project, language):
    checked = asectl("check", "--json", "--strict", cwd=project)
    assert checked.json["ok"]
    assert [each for each in checked.json["findings"] if each["level"] != "note"] == []
    library = project / LIBRARIES[language]
    built = library.stat().st_mtime_ns
    assert "building" not in asectl("check", cwd=project).all
    assert library.stat().st_mtime_ns == built
    serving = serve(project, "--reload")

    def call(*arguments):
        return texts(asectl("call", serving.grpc, *arguments, "--json", cwd=project))

    assert call("text=hello", "--param", "times=3") == "HELLO!!!"
    assert call("text=one", "--stream") == "ONE"
    said = asectl("call", serving.grpc, "text= ", "--json", cwd=project, code=1)
    assert "text: expected a word, got none;code=30006" in said.out + said.err
    source = project / SOURCES[language]
    rewrite(source, "// 400: the caller's fault.", "// Oops.\n$")
    wait_until(lambda: serving.event("error"), "the words of the compiler", 60)
    assert call("text=still") == "STILL!"
    rewrite(source, "// Oops.\n$", "// 400.")
    rewrite(source, '"result"', '"louder"')
    wait_until(lambda: "louder" in key_of(asectl, serving, project), "the new code", 60)
    assert serving.interrupt() == 0


def key_of(asectl, serving, project):
    return str(asectl("call", serving.grpc, "text=a", "--json", cwd=project).json["outputs"])


def test_sources_are_formatted_as_their_language_has_it(asectl, project, language):
    command = {"go": ["gofmt", "-l", "."], "rust": ["cargo", "fmt", "--check"]}[language]
    if shutil.which("rustfmt") is None and language == "rust":
        pytest.skip("rustfmt: expected one, found none")
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
    for file in project.rglob("*"):
        if file.is_file():
            text = file.read_text(encoding="utf-8")
            assert text.endswith("\n") and str(project.parent) not in text


def test_without_the_compiler_it_says_what_to_install(asectl, project, language, without):
    said = asectl("check", cwd=project, code=1, env=without(PROGRAMS[language])).err
    packages = {"go": "golang-go gcc libc6-dev", "rust": "cargo"}[language]
    assert f"expected {LIBRARIES[language]} in" in said
    assert f"{PROGRAMS[language]} is missing: apt install {packages}; then" in said


def test_code_that_does_not_compile_is_told_with_its_place(asectl, project, language):
    source = project / SOURCES[language]
    source.write_text(source.read_text(encoding="utf-8") + "\n$\n", encoding="utf-8")
    said = asectl("check", cwd=project, code=1).err
    assert f"{PROGRAMS[language]} build" in said and "failed in" in said
    assert SOURCES[language] + ":" in said


def test_what_is_saved_during_a_build_is_built(asectl, project, language, tmp_path):
    """The compiler is the real one; a source is saved between its reading and its end."""
    source, later = project / SOURCES[language], tmp_path / "later"
    shutil.copy(source, later)
    rewrite(later, '"result"', '"louder"')
    program = tmp_path / "programs" / PROGRAMS[language]
    program.parent.mkdir()
    real = shutil.which(PROGRAMS[language])
    program.write_text(
        f'#!/bin/sh\n"{real}" "$@" || exit\n'
        f'if [ -e "{later}" ]; then cat "{later}" > "{source}" && rm "{later}"; fi\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    path = {"PATH": f"{program.parent}:{os.environ['PATH']}"}
    assert asectl("check", cwd=project, env=path).all.count("building") == 2
    assert b"louder" in (project / LIBRARIES[language]).read_bytes()
    assert "building" not in asectl("check", cwd=project, env=path).all


def test_what_is_embedded_is_a_source_too_and_what_has_gone_is_none(asectl, project):
    assert "building" in asectl("check", cwd=project).all
    (project / ".#main.go").symlink_to("nobody@nowhere.1")  # An editor's lock.
    (project / "gone.go").symlink_to("nowhere")
    assert "building" not in asectl("check", cwd=project).all
    (project / "gone.go").unlink()
    (project / "words.txt").write_text("one\n", encoding="utf-8")
    assert asectl("check", cwd=project).all.count("building") == 1


def test_a_build_that_makes_something_else_is_told(asectl, project, tmp_path, language):
    program = tmp_path / "programs" / PROGRAMS[language]
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    path = {"PATH": f"{program.parent}:{os.environ['PATH']}"}
    said = asectl("check", cwd=project, code=1, env=path).err
    assert f"to make {LIBRARIES[language]}, got none" in said.replace("\n", " ")


def test_a_package_has_the_library_and_what_lies_beside_its_sources(asectl, project):
    (project / "words.txt").write_text("one\n", encoding="utf-8")
    for place in ("data/src", "data/aiges"):  # At the top they would be sources.
        (project / place).mkdir(parents=True)
        (project / place / "vocab.txt").write_text("two\n", encoding="utf-8")
    made = asectl("package", "--json", cwd=project).json
    assert [name for name in made["files"] if name.startswith("plugin/")] == [
        "plugin/data/aiges/vocab.txt",
        "plugin/data/src/vocab.txt",
        "plugin/libwrapper.so",
        "plugin/words.txt",
    ]
    config = (project / "image/aiges.toml").read_text(encoding="utf-8")
    assert 'library = "/home/aiges/plugin/libwrapper.so"' in config
