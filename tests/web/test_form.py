# SPDX-License-Identifier: Apache-2.0
"""The form that the status page makes of what a service declares, and what it sends."""

import base64
import json
from pathlib import Path

import pytest
from declared import MIRROR
from loader_process import Loader
from selenium.webdriver.support.ui import Select
from status_page import console_forget
from test_docs_page import PICTURE
from waiting import wait_until

LOADED = "const i = document.querySelector('#answer-body img'); return i?.naturalWidth ?? 0"

# Says one word after the other, where it is asked for a stream.
WORDS = """
import time
class Wrapper:
    def wrapperOnceExec(self, params, reqData):
        for word in ("one ", "two ", "three"):
            yield word
            time.sleep(float(params.get("pause", "0")))
"""


@pytest.fixture(scope="module")
def mirror(binaries, tmp_path_factory):
    with Loader(binaries, tmp_path_factory.mktemp("mirror"), MIRROR) as loader:
        yield loader


def field(page, name):
    return page.find(f"#declared [name=in-{name}]")


def test_declared_inputs_are_fields_of_their_kind(mirror, page, screenshot):
    page.open(mirror)
    wait_until(lambda: page.find("#declared").is_displayed(), "the form")
    assert field(page, "img").get_attribute("type") == "file"
    assert field(page, "img").get_attribute("accept") == "image/*"
    assert field(page, "count").get_attribute("type") == "number"
    assert (
        field(page, "count").get_attribute("min"),
        field(page, "count").get_attribute("max"),
    ) == ("1", "9")
    assert field(page, "count").get_attribute("value") == "3"
    assert field(page, "loud").is_selected()
    assert [o.text for o in Select(field(page, "name")).options] == ["\u2013", "a", "b"]
    field(page, "img").send_keys(str(PICTURE))
    assert "-F 'img=@coins.png'" in page.text("#curl")
    page.send()
    wait_until(lambda: page.run(LOADED) > 100, "the picture that came back")
    page.run("document.querySelector('#try').scrollIntoView()")
    screenshot("try_form")


def test_what_is_wrong_is_said_before_it_is_sent(mirror, page):
    page.open(mirror)
    wait_until(lambda: page.find("#declared").is_displayed(), "the form")
    page.find("#send").click()
    page.wait_text("#send-note", "img: choose a file first")
    field(page, "img").send_keys(str(PICTURE))
    field(page, "count").clear()
    field(page, "count").send_keys("12")
    page.find("#send").click()
    page.wait_text("#send-note", "count:")
    assert not page.all("#answer-head .pill"), "nothing was sent"


def test_the_answer_is_shown_as_it_comes(start, page):
    loader = start(WORDS)
    page.open(loader)
    page.find("[name=live]").click()
    page.fill("params", "pause=0.7")
    assert "text/event-stream" in page.text("#curl")
    page.find("#send").click()
    page.wait_text("#answer-body", "one ")
    assert "three" not in page.text("#answer-body")
    assert page.text("#send") == "Stop"
    page.wait_text("#answer-body", "one two three")
    page.wait_text("#answer-head", "3 events")
    assert len(page.all("#answer-body pre")) == 1, "text goes on where it stopped"
    page.find("#send").click()
    page.wait_text("#answer-body", "one ")
    page.find("#send").click()
    page.wait_text("#answer-head", "stopped")


def test_an_error_within_the_answer_is_said(start, page):
    loader = start(
        WORDS.replace("yield word\n", 'yield word\n            raise ValueError("gave up")\n')
    )
    page.open(loader)
    page.find("[name=live]").click()
    page.find("#send").click()
    page.wait_text("#answer-head", "gave up")
    assert page.text("#answer-body") == "one "


PREDICT = """
from typing import Literal, Optional
from PIL import Image

def predict(
    text: str, picture: Optional[Image.Image] = None, top: int = 2,
    form: Literal["fast", "good"] = "fast", loud: bool = False,
) -> dict:
    size = picture.size if picture else None
    return {"text": text, "size": size, "top": top, "form": form, "loud": loud}
"""
SPEAK = """
from typing import Iterator

def predict(text: str) -> Iterator[str]:
    for word in text.split():
        yield word + " "
"""


def test_a_typed_model_has_its_form_and_is_named_by_its_file(start, page, screenshot):
    loader = start(PREDICT)
    page.open(loader)
    page.wait_text("#facts", "wrapper.py on Python 3.")
    wait_until(lambda: page.find("#declared").is_displayed(), "the form")
    field(page, "text").send_keys("hi")
    page.send()
    answer = json.loads(page.text("#answer-body pre"))
    assert answer == {"text": "hi", "size": None, "top": 2, "form": "fast", "loud": False}
    field(page, "picture").send_keys(str(PICTURE))
    assert field(page, "picture").get_attribute("accept") == "image/*"
    Select(field(page, "form")).select_by_visible_text("good")
    field(page, "loud").click()
    page.run("document.querySelector('#answer-head').replaceChildren()")
    page.send()
    answer = json.loads(page.text("#answer-body pre"))
    assert answer["size"][0] == 384 and (answer["form"], answer["loud"]) == ("good", True)
    field(page, "top").send_keys("x")
    page.run("document.querySelector('#try').scrollIntoView()")
    screenshot("try_typed")


def test_a_typed_model_streams_to_the_page(start, page):
    loader = start(SPEAK)
    page.open(loader)
    wait_until(lambda: page.find("#declared").is_displayed(), "the form")
    assert page.find("[name=live]").is_selected()
    field(page, "text").send_keys("one two three")
    page.send()
    page.wait_text("#answer-body", "one two three ")
    page.wait_text("#answer-head", "3 events")


# The page as it is where an engine has a typed `predict`: the document of the contract, and a
# loader that tells what it was asked.
TYPED = Path(__file__).with_name("typed_page.js").read_text(encoding="utf-8")


@pytest.fixture
def typed(shared, page):
    added = page.browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": TYPED})
    try:
        page.open(shared)
        wait_until(lambda: page.find("#declared").is_displayed(), "the form")
        yield page
    finally:
        page.browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)


def test_a_typed_engine_is_asked_by_the_names_of_its_inputs(typed):
    page = typed
    assert page.find("[name=live]").is_selected(), "it can stream"
    field(page, "text").send_keys("hi")
    page.send()
    (asked,) = page.run("return window.asked")
    assert asked["body"] == {
        "text": "hi",
        "top": 2,
        "mode": "fast",
        "more": {"a": 1},
        "loud": False,
    }
    assert asked["headers"]["Accept"] == "text/event-stream"
    page.wait_text("#answer-body", "Hello")
    page.find("[name=live]").click()
    page.send()
    page.wait_text("#answer-body", '"label": "cat"')
    assert not page.find("#kind-file").is_displayed(), "data of no input have no place there"


def test_a_typed_engine_gets_files_as_a_form(typed):
    page = typed
    page.find("[name=live]").click()
    field(page, "text").send_keys("hi")
    field(page, "picture").send_keys(str(PICTURE))
    png = base64.b64encode(PICTURE.read_bytes()).decode()
    page.run(
        "window.answer = arguments[0]", json.dumps({"seen": {"base64": png, "type": "image/png"}})
    )
    page.send()
    asked = page.run("return window.asked.at(-1)")
    assert asked["form"] and asked["body"]["picture"] == "coins.png"
    assert asked["body"]["more"] == '{"a":1}'
    wait_until(lambda: page.run(LOADED) > 100, "the picture within the JSON")
    assert len(page.text("#answer-body pre")) < 500, "and not its base64"
    console_forget(page)
