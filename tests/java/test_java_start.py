# SPDX-License-Identifier: Apache-2.0
"""What is served, by which Java, and what is said where that cannot be."""

import os
import shutil
import subprocess

import pytest
from java_builds import ENGINE, build_jar
from loader_process import DIE_WITH_PARENT, Loader

NOT_PUBLIC = """
package tests;
import ai.aiges.*;
import java.util.List;
public final class Hidden implements Engine {
  Hidden() {}
  public List<Payload> exec(Context c, Params p, List<Payload> i) { return i; }
}
"""


class Attempt:
    """AIService -check on a folder: what it says."""

    def __init__(self, binaries, tmp_path):
        self.binaries, self.tmp_path, self.count = binaries, tmp_path, 0

    def __call__(self, folder, *, env=None, **instances):
        self.count += 1
        config = {"instances": {"pythonpath": str(folder), **instances}}
        config["aiges"] = {"contract": "java"}
        loader = Loader(
            self.binaries, self.tmp_path / f"try{self.count}", None, config=config, env=env
        )
        command = [*DIE_WITH_PARENT, str(self.binaries.loader), "-check", "-m=0", "-c=aiges.toml"]
        done = subprocess.run(
            [*command, "-s=svcName"],
            cwd=loader.folder,
            env=loader.env,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def attempt(binaries, tmp_path):
    return Attempt(binaries, tmp_path)


def test_contract_says_java_where_the_folder_has_python_too(start, jar, tmp_path):
    folder = tmp_path / "mixed"
    folder.mkdir()
    shutil.copy(jar, folder)
    (folder / "helper.py").write_text("")
    loader = start(folder, config={"aiges": {"contract": "java"}})
    assert loader.xsf.do("echo", b"x").data("data") == b"x"


def test_class_by_service_loader_and_by_app(start, own_jar, tmp_path):
    services = {"ai.aiges.Engine": ["tests.TestEngine"]}
    folder = tmp_path / "service"
    folder.mkdir()
    build_jar(own_jar, folder / "e.jar", ENGINE, manifest=(), services=services)
    loader = start(folder)
    assert loader.xsf.do("echo", b"x").data("data") == b"x"
    named = {"aiges": {"contract": "java", "app": "tests.TestEngine"}}
    assert start(folder, config=named).xsf.do("echo", b"y").data("data") == b"y"


def test_folder_with_a_name_that_is_no_ascii(start, jar, tmp_path):
    folder = tmp_path / "modell ü中"
    folder.mkdir()
    shutil.copy(jar, folder / "motor ü.jar")
    loader = start(folder, env={"LANG": "", "LC_ALL": "", "LC_CTYPE": ""})
    assert loader.xsf.do("echo", b"x").data("data") == b"x"


def test_config_options_and_heap_reach_the_jvm(start, jar):
    config = {
        "wrapper": {"greeting": "hallo ü"},
        "instances": {"java_options": ["-Dmine=one two", "-XX:+UseSerialGC"], "java_heap_mb": 96},
    }
    loader = start(jar.parent, config=config)
    assert loader.xsf.do("config", key="greeting").text("out") == "hallo ü"
    assert loader.xsf.do("property", key="mine").text("out") == "one two"
    assert 80 <= int(loader.xsf.do("heap").text("out")) <= 96


@pytest.mark.parametrize("named", ["home", "program", "JAVA_HOME", "PATH"])
def test_java_is_found_in_each_place_that_may_name_it(start, jar, named):
    program = os.path.realpath(shutil.which("java"))
    home = os.path.dirname(os.path.dirname(program))
    said = {"home": home, "program": program}.get(named)
    env = {"JAVA_HOME": home if named == "JAVA_HOME" else ""}
    loader = start(jar.parent, config={"instances": {"java": said}}, env=env)
    assert loader.xsf.do("property", key="java.home").text("out") == home


def test_wrong_java_is_refused_with_what_was_expected(attempt, jar, tmp_path):
    code, said = attempt(jar.parent, java="/nowhere")
    assert code == 1
    assert "[instances] java: expected a folder with lib/server/libjvm.so" in said
    assert "got /nowhere" in said
    old = tmp_path / "old"
    (old / "bin").mkdir(parents=True)
    (old / "release").write_text('JAVA_VERSION="11.0.2"\n')
    code, said = attempt(jar.parent, java=str(old))
    assert "[instances] java: expected Java 17 or later, got 11.0.2 in " in said
    (tmp_path / "setpriv").symlink_to(shutil.which("setpriv"))
    env = {"JAVA_HOME": "", "PATH": str(tmp_path)}
    code, said = attempt(jar.parent, env=env)
    assert "no Java: expected its folder in [instances] java or JAVA_HOME, or java on PATH" in said


def test_option_that_java_does_not_know_is_named(attempt, jar):
    code, said = attempt(jar.parent, java_options=["-XX:+NoSuchThing"])
    assert code == 1
    assert "does not start" in said
    assert "NoSuchThing" in said


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"java_options": ["-Xmx1g"]}, "java_options: expected the heap in java_heap_mb"),
        ({"java_options": ["UseSerialGC"]}, "java_options: expected options of Java"),
        ({"java_heap_mb": 600, "max_rss_mb": 500}, "java_heap_mb: expected less than max_rss_mb"),
    ],
)
def test_keys_are_checked_before_anything_starts(attempt, jar, keys, said):
    code, out = attempt(jar.parent, **keys)
    assert code == 2
    assert said in out


def test_several_jars_are_refused_by_name(attempt, jar, tmp_path):
    shutil.copy(jar, tmp_path / "one.jar")
    shutil.copy(jar, tmp_path / "two.jar")
    code, said = attempt(tmp_path)
    assert code == 1
    assert f"expected one *.jar in {tmp_path}, found 2: one.jar, two.jar" in said


def test_folder_without_a_jar(attempt, tmp_path):
    code, said = attempt(tmp_path)
    assert code == 1
    assert "no *.jar found in " in said


def test_jar_without_an_engine_and_with_one_that_cannot_be_made(attempt, own_jar, tmp_path):
    def refused(name, *sources, **options):
        folder = tmp_path / name
        folder.mkdir()
        build_jar(own_jar, folder / "engine.jar", *sources, **options)
        code, said = attempt(folder)
        assert code == 1
        return said

    assert "engine.jar names no engine: expected" in refused("none", ENGINE, manifest=())
    said = refused("typo", ENGINE, manifest=("Aiges-Engine: tests.Nobody",))
    assert "Aiges-Engine in its manifest names tests.Nobody, which is not in engine.jar" in said
    said = refused("other", ENGINE, manifest=("Aiges-Engine: java.lang.String",))
    assert "java.lang.String, which does not implement ai.aiges.Engine" in said
    manifest = ("Aiges-Engine: tests.Hidden",)
    said = refused("hidden", {"Hidden.java": NOT_PUBLIC}, manifest=manifest)
    assert "tests.Hidden: expected a public class with a public constructor" in said
    (tmp_path / "no").mkdir()
    (tmp_path / "no" / "engine.jar").write_bytes(b"no zip")
    assert "is no jar that can be read" in attempt(tmp_path / "no")[1]


def test_init_and_warm_up_that_throw_stop_the_start(binaries, jar, tmp_path):
    for key, stage in (("init_fails", "init"), ("warm_fails", "warmUp")):
        config = {"wrapper": {key: "no model file"}}
        loader = Loader(binaries, tmp_path / key, jar.parent, config=config)
        with pytest.raises(AssertionError) as failed:
            loader.start()
        loader.kill()
        said = str(failed.value)
        assert f"{stage} raised IllegalStateException: no model file (TestEngine.java, line" in said
        assert "at tests.TestEngine." in said


def test_strict_sandbox_lets_java_serve(start, jar):
    loader = start(jar.parent, config={"sandbox": {"strict": True}})
    assert loader.xsf.do("echo", b"x" * 100_000, wait_ms=20000).data("data") == b"x" * 100_000
