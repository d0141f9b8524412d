"""What asectl knows about aiges.toml: read, overlaid, written anew."""

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
