# SPDX-License-Identifier: Apache-2.0
"""What asectl knows about aiges.toml: read, overlaid, written anew."""

import json

import pytest
from aiges.cli import _toml
from aiges.cli._find import find_plugin
from aiges.cli._say import CliError


def test_what_is_written_is_read_back(tmp_path):
    tables = {
        "my-svc": {"host": "", "port": 0},
        "wrapper": {"common.lic": 'a "quoted" é\nline', "rate": 0.5, "loud": True},
        "instances": {"pythonpath": ["a", "b c"], "count": -3},
    }
    file = tmp_path / "a.toml"
    file.write_text(_toml.dump(tables), encoding="utf-8")
    assert _toml.read(file) == tables


def test_an_overlay_leaves_the_base_alone():
    base = {"a": {"x": 1, "y": 2}}
    assert _toml.overlay(base, {"a": {"x": 3}, "b": {"z": 4}}) == {
        "a": {"x": 3, "y": 2},
        "b": {"z": 4},
    }
    assert base == {"a": {"x": 1, "y": 2}}


def test_what_cannot_be_written_is_refused():
    with pytest.raises(CliError, match="expected text, a number"):
        _toml.dump({"a": {"b": {"c": 1}}})


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("127.0.0.1:1888", "127.0.0.1:1888"),
        (":1888", "127.0.0.1:1888"),
        ("0.0.0.0:1888", "127.0.0.1:1888"),
        ("[::]:1888", "[::1]:1888"),
        ("off", ""),
    ],
)
def test_the_address_to_call(listen, address):
    assert _toml.http_address({"svc": {"port": 1}, "wrapper": {"http_listen": listen}}) == address


@pytest.mark.parametrize(
    ("files", "asked", "found", "project"),
    [
        (["wrapper.py"], ".", "wrapper.py", "."),
        (["wrapper/wrapper.py"], ".", "wrapper/wrapper.py", "."),
        (["wrapper/wrapper.py", "aiges.toml"], "wrapper", "wrapper/wrapper.py", "."),
        (["wrapper/wrapper.py"], "wrapper/wrapper.py", "wrapper/wrapper.py", "."),
        (["wrapper.py"], "wrapper.py", "wrapper.py", "."),
        (["libwrapper.so"], ".", "libwrapper.so", "."),
        (["libwrapper.so", "wrapper.py"], ".", "wrapper.py", "."),
    ],
)
def test_a_plugin_is_found(tmp_path, files, asked, found, project):
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    plugin = find_plugin(tmp_path / asked)
    assert plugin.file == tmp_path / found
    assert plugin.project == tmp_path / project


# What wrapperInit gets

ENGINE = """
import json

def wrapperInit(config):
    global seen
    seen = config
    return 0

def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    text = json.dumps(seen)
    respData.append({"key": "a", "data": text, "len": len(text), "status": 3, "type": 0})
    return 0
"""
VALUES = {
    "text": "a",
    "number": -7,
    "yes": True,
    "no": False,
    "half": 0.5,
    "whole": 2.0,
    "tiny": 1e-7,
    "huge": 1e20,
    "minus": -0.25,
}


@pytest.mark.parametrize("aside", [False, True])
def test_the_config_is_what_the_loader_hands_over(start, tmp_path, aside):
    (tmp_path / "user.toml").write_text(_toml.dump({"one": VALUES, "two": {"common.lic": "x"}}))
    config = {"aiges": {"usrCfg": str(tmp_path / "user.toml")}} if aside else {"wrapper": VALUES}
    loader = start(ENGINE, config=config)
    seen = json.loads(loader.xsf.once().text("a"))
    file = loader.folder / "aiges.toml"
    assert _toml.engine_config(_toml.read(file), file) == seen
    assert seen["one.half" if aside else "half"] == "0.5" and ("http_listen" in seen) != aside
    assert ("two.common.lic" in seen) == aside


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({"aiges.toml": "[wrapper]\na = 1\n[wrapper.nested]\nb = 1\n"}, "got a table"),
        ({"aiges.toml": "[wrapper]\na = [1]\n"}, "[wrapper] a: expected a string, number or bool"),
        ({"aiges.toml": "[wrapper]\na = 1979-05-27\n"}, "got date"),
        ({"aiges.toml": '[aiges]\nusrCfg = "u.toml"\n'}, "usrCfg: cannot read the file u.toml"),
        (
            {"aiges.toml": '[aiges]\nusrCfg = "u.toml"\n', "u.toml": "[a]\nb = {c = 1}\n"},
            "u.toml: [a] b: expected a string, number or boolean (engines get text), got a table",
        ),
        (
            {"aiges.toml": '[aiges]\nusrCfg = "u.toml"\n', "u.toml": "b = 1\n"},
            "u.toml: b: expected only [sections] here",
        ),
    ],
)
def test_a_config_that_the_loader_refuses_is_refused(asectl, tmp_path, files, text):
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    (tmp_path / "wrapper.py").write_text(ENGINE)
    for command in ("check", "run"):
        assert text in asectl(command, "--json", code=1).json["error"]


def test_check_gives_the_wrapper_what_is_in_usr_cfg(asectl, tmp_path):
    (tmp_path / "aiges.toml").write_text('[wrapper]\na = 1\n[aiges]\nusrCfg = "u.toml"\n')
    (tmp_path / "u.toml").write_text("[model]\nsize = 3\n")
    wanted = ENGINE.replace("    seen = config", "    assert config == {'model.size': '3'}")
    (tmp_path / "wrapper.py").write_text(wanted.replace("json.dumps(seen)", '"x"'))
    assert asectl("check", "--json").json["ok"]
