# SPDX-License-Identifier: Apache-2.0
"""One loader with models in Python, C++, Java, Go and Rust that call each other."""

import itertools
import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
from java_builds import ENGINE, build_jar
from loader_process import Loader
from native_engines import library_of

# As those in the other languages: "model" = a,b calls a, which is to call b.
PYTHON = """
import aiges

class Wrapper:
    def wrapperOnceExec(self, params, reqData):
        model, _, rest = params.get("model", "").partition(",")
        if not model:
            data = reqData.list[0].data.upper()
            return {"key": "text", "data": data, "len": 0, "type": 0, "status": 3}
        more = {"do": "call", "model": rest, "call": rest} if rest else {}
        return aiges.call(model, reqData, more)
"""


def python(folder, _):
    (folder / "wrapper.py").write_text(PYTHON, encoding="utf-8")
    return {}


def cpp(_, binaries):
    return {"instances": {"library": str(binaries.engine)}}


def java(folder, binaries):
    build_jar(binaries.loader.parent / "aiges-engine.jar", folder / "engine.jar", ENGINE)
    return {}


def native(language):
    """Its folder needs nothing but the library."""

    def settings(folder, _):
        shutil.copy(library_of(language, "all"), folder / "libwrapper.so")
        return {}

    return settings


# Name of a model -> what its model.toml says, of its folder and the binaries.
MODELS = {
    "python": python,
    "cpp": cpp,
    "java": java,
    "go": native("go"),
    "rust": native("rust"),
}


@pytest.fixture(scope="module")
def loader(binaries, tmp_path_factory):
    repository = tmp_path_factory.mktemp("models")
    for name, settings in MODELS.items():
        folder = repository / name / "1"
        folder.mkdir(parents=True)
        made = settings(folder, binaries)
        text = "".join(
            f"[{section}]\n"
            + "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())
            for section, keys in made.items()
        )
        (repository / name / "model.toml").write_text(text, encoding="utf-8")
    config = {"models": {"repository": str(repository)}, "queue": {"default_timeout_ms": 20_000}}
    with Loader(binaries, tmp_path_factory.mktemp("loader"), config=config) as started:
        yield started


def ask(loader, path, data=b"words"):
    """The answer of the first model of the path, which gets it from the next, and so on.

    The parameter of that name says it to C++, "do" and "model" to the others."""
    first, *rest = path
    way = ",".join(rest)
    query = f"?key=text&p.do=call&p.model={way}&p.call={way}" if rest else "?key=text"
    return loader.web.raw_mode(data, query, service=first)


@pytest.mark.parametrize("name", MODELS)
def test_each_answers_by_itself(loader, name):
    answer = ask(loader, [name])
    assert (answer.status, answer.body) == (200, b"WORDS")


@pytest.mark.parametrize("pair", list(itertools.permutations(MODELS, 2)), ids="-".join)
def test_each_calls_each_other(loader, pair):
    answer = ask(loader, pair)
    assert (answer.status, answer.body) == (200, b"WORDS")


@pytest.mark.parametrize("first", MODELS)
def test_a_call_goes_through_all(loader, first):
    path = [first, *(name for name in MODELS if name != first)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda i: ask(loader, path, b"call %d" % i), range(40)))
    assert [answer.body for answer in answers] == [b"CALL %d" % i for i in range(40)]


def test_error_comes_back_through_all(loader):
    answer = loader.web.raw_mode(b"x", "?key=text&p.do=call&p.model=rust,nobody", service="go")
    assert answer.status == 500
    assert "model rust: " in answer.message
    assert "nobody" in answer.message


def test_a_call_that_would_wait_for_itself_is_refused(loader):
    answer = ask(loader, ["go", "rust", "go"])
    assert answer.status == 500
    assert "go -> rust -> go" in answer.message


@pytest.mark.parametrize("name", ["java", "go", "rust"])
def test_session_of_another_model_is_read(loader, name):
    other = {"java": "go", "go": "rust", "rust": "java"}[name]
    answer = loader.web.raw_mode(b"x", f"?key=text&p.do=stream&p.model={other}", service=name)
    assert (answer.status, answer.body) == (200, b"X,1,2,3")


@pytest.mark.parametrize("name", ["java", "go", "rust"])
def test_code_of_a_failed_call_is_told(loader, name):
    query = "?key=text&p.do=call&p.tell=1&p.model=nobody"
    answer = loader.web.raw_mode(b"x", query, service=name)
    assert answer.status == 200
    code, text = answer.body.decode().split(" ", 1)
    assert int(code) != 0 and "nobody" in text
