# SPDX-License-Identifier: Apache-2.0
"""The tree of commands: help that loads nothing, errors that are JSON, completion, create."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from aiges.cli._app import COMMANDS, CONFIG, ENTITLEMENT, KEYS
from asectl_process import COMMAND, ROOT, hadolint

HEAVY = {"rich", "jinja2", "cffi", "grpc", "google.protobuf", "consul", "requests", "numpy"}


def test_help_names_every_command_and_loads_none(asectl):
    said = asectl("--help")
    assert all(name in said.out for name in COMMANDS)
    code = (
        "import sys; sys.argv = ['asectl', '--help']\n"
        "import atexit; atexit.register(lambda: print(sorted(sys.modules), file=sys.stderr))\n"
        "from aiges.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT / "sdk"
    )
    loaded = set(eval(done.stderr))
    assert not loaded & HEAVY
    assert {m for m in loaded if m.startswith("aiges.cli")} == {"aiges.cli", "aiges.cli._app"}


@pytest.mark.parametrize(
    "words",
    [[name] for name in COMMANDS]
    + [["config", name] for name in CONFIG]
    + [["keys", name] for name in KEYS]
    + [["entitlement", name] for name in ENTITLEMENT],
)
def test_every_command_has_help_and_json(asectl, words):
    said = asectl(*words, "--help")
    assert "Usage: asectl " + " ".join(words) in said.out
    if words not in (["config"], ["keys"], ["entitlement"]):
        assert "--json" in said.out


def test_the_version(asectl):
    import aiges

    assert aiges.__version__ in asectl("--version").out


@pytest.mark.parametrize("words", [["chekc"], ["config", "pul"], ["create", "--template", "x"]])
def test_a_wrong_word_is_a_usage_error(asectl, words):
    assert asectl(*words, code=2).err


def test_the_sdk_is_light():
    code = (
        "import time; begin = time.process_time(); import aiges.sdk;"
        "print(time.process_time() - begin)"
    )
    times = [
        float(subprocess.check_output([sys.executable, "-c", code], cwd=ROOT / "sdk"))
        for _ in range(5)
    ]
    assert min(times) < 0.15
    loaded = "import sys, aiges.sdk; print('aiges.schema' in sys.modules, 'click' in sys.modules)"
    done = subprocess.check_output([sys.executable, "-c", loaded], cwd=ROOT / "sdk", text=True)
    assert done.split() == ["False", "False"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(asectl, shell):
    made = asectl("completion", shell, "--json").json
    assert "_ASECTL_COMPLETE" in made["script"] and shell in made["use"]
    assert (
        asectl("completion", env={"SHELL": f"/bin/{shell}"}).out.strip() == made["script"].strip()
    )


def test_completion_completes():
    def words(line):
        env = {
            **os.environ,
            "_ASECTL_COMPLETE": "bash_complete",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(line.split()) - (not line.endswith(" "))),
        }
        done = subprocess.run(COMMAND, capture_output=True, text=True, env=env, cwd=ROOT / "sdk")
        return [each.partition(",")[2] for each in done.stdout.split()]

    assert words("asectl s") == ["serve", "schema", "status", "services"]
    assert words("asectl config p") == ["push", "pull"]
    assert "batch" in words("asectl create x --template b")


def test_an_unknown_shell_is_refused(asectl):
    assert "expected one of bash" in asectl("completion", code=1, env={"SHELL": "/bin/tcsh"}).err


# create


def test_create_as_the_specification_writes_it(asectl, tmp_path):
    asectl("create", "-n", "demo", "-p", tmp_path / "there", "--style", "v2")
    made = {str(f.relative_to(tmp_path / "there/demo")) for f in (tmp_path / "there").rglob("*.*")}
    assert {
        "README.md",
        "requirements.txt",
        "aiges.toml",
        "xtest.toml",
        "wrapper/wrapper.py",
        "wrapper/test_data/test.png",
    } <= made
    assert (tmp_path / "there/demo/Dockerfile").is_file()


def test_the_default_name(asectl, tmp_path):
    asectl("create")
    assert (tmp_path / "wrapperDemo/model.py").is_file()


def test_create_says_what_it_made(asectl, tmp_path):
    made = asectl("create", "x", "-t", "cpp", "--json").json
    assert made["project"] == str(tmp_path / "x")
    assert {"Makefile", "include/aiges/wrapper.h", "wrapper/wrapper.cc"} <= set(made["files"])
    assert "requirements.txt" not in made["files"]


@pytest.mark.parametrize("name", ["", "1x", "a b", "../x", "a/b", "wrapper", "é", "x" * 99])
def test_names_that_cannot_be(asectl, tmp_path, name):
    said = asectl("create", "--json", "--name", name, code=1 if name else 0)
    assert not name or "name" in said.json["error"]


def test_nothing_is_written_over(asectl, tmp_path):
    asectl("create", "x")
    (tmp_path / "x/model.py").write_text("mine")
    assert "found one" in asectl("create", "x", code=1).err
    assert (tmp_path / "x/model.py").read_text() == "mine"


def test_only_our_own_contracts_have_styles(asectl):
    said = asectl("create", "x", "-t", "cpp", "--style", "v1", code=1).err
    assert "--style: expected a template of once, stream, batch" in said and "got cpp" in said


@pytest.mark.parametrize(
    ("template", "style"),
    [("cpp", None), *((t, s) for t in ("once", "stream", "batch") for s in ("v1", "v2", "v3"))],
)
def test_what_is_made_is_well_made(asectl, tmp_path, binaries, template, style):
    asectl("create", "x", "-t", template, *(["--style", style] if style else []))
    project = tmp_path / "x"
    for file in project.rglob("*"):
        if file.is_file() and file.suffix != ".png":
            text = file.read_text()
            assert str(tmp_path) not in text and "{{" not in text and text.endswith("\n")
    if template != "cpp":
        for how in (["check"], ["format", "--check"]):
            subprocess.run(
                [sys.executable, "-m", "ruff", *how, "--config", ROOT / "pyproject.toml", project],
                check=True,
                capture_output=True,
            )
        mypy = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "mypy"]
        checked = subprocess.run(
            [*mypy, *sorted(project.rglob("*.py"))],
            cwd=project,
            env={**os.environ, "MYPYPATH": str(ROOT / "sdk")},
            capture_output=True,
            text=True,
        )
        assert checked.returncode == 0, checked.stdout
        assert strict_pyright(project) == ""
    hadolint(project / "Dockerfile")
    assert json.loads(asectl("config", "validate", "--json", cwd=project).out)["service"] == "x"


def strict_pyright(project):
    """Return what pyright says of a project in its strict mode, as its author's editor would."""
    python = {"venvPath": str(ROOT), "venv": ".venv", "pythonVersion": "3.11"}
    config = {"typeCheckingMode": "strict", "extraPaths": [str(ROOT / "sdk")], **python}
    (project / "pyrightconfig.json").write_text(json.dumps(config))
    pyright = Path(sys.executable).with_name("basedpyright")
    done = subprocess.run([pyright, "-p", project], capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout


def test_the_picture_is_a_picture(asectl, tmp_path):
    image = pytest.importorskip("PIL.Image")
    asectl("create", "x", "--style", "v2")
    with image.open(tmp_path / "x/wrapper/test_data/test.png") as picture:
        picture.load()
        assert picture.size == (64, 64) and picture.getpixel((63, 0))[0] > 200
