# SPDX-License-Identifier: Apache-2.0
"""/docs in a real browser: Swagger UI from the loader alone, and calls that people try there."""

import struct
from pathlib import Path

import pytest
from declared import MIRROR, SOUND
from loader_process import Loader
from selenium.webdriver.common.by import By
from status_page import brightness
from waiting import wait_until

PICTURE = Path(__file__).resolve().parents[2] / "plugins" / "yolov5" / "test_data" / "coins.png"
LOADED = "return performance.getEntriesByType('resource').map(e => e.name)"


@pytest.fixture(scope="module")
def mirror(binaries, tmp_path_factory):
    with Loader(binaries, tmp_path_factory.mktemp("mirror"), MIRROR) as loader:
        yield loader


@pytest.fixture(scope="module")
def sound(binaries, tmp_path_factory):
    with Loader(binaries, tmp_path_factory.mktemp("sound"), SOUND) as loader:
        yield loader


class Docs:
    """Swagger UI of a loader, with one operation open."""

    def __init__(self, browser, loader, operation, tag="call"):
        self.browser = browser
        # Another page first: a new fragment alone would not load anything.
        browser.get("about:blank")
        browser.get(f"http://{loader.http}/docs#/{tag}/{operation}")
        self.block = self.wait(f"#operations-{tag}-{operation}.is-open")

    def wait(self, selector, inside=None):
        found = inside or self.browser

        def there():
            return next(iter(found.find_elements(By.CSS_SELECTOR, selector)), None)

        return wait_until(there, selector)

    def within(self, selector):
        return self.wait(selector, self.block)

    def execute(self):
        button = self.within(".btn.execute")
        self.browser.execute_script("arguments[0].scrollIntoView(); arguments[0].click()", button)
        status = ".live-responses-table tbody .response-col_status"
        wait_until(lambda: self.within(status).text.strip(), "a status")
        return self.within(status).text.split()[0]

    def answer(self, selector):
        return self.within(f".live-responses-table tbody {selector}")


def test_a_picture_can_be_sent_and_is_shown(browser, screenshot, mirror):
    docs = Docs(browser, mirror, "callRaw")
    docs.within("input[type=file]").send_keys(str(PICTURE))
    assert docs.execute() == "200"
    image = docs.answer("img")
    wait_until(lambda: image.get_property("naturalWidth") > 0, "the picture")
    assert image.get_property("naturalWidth") == 384
    screenshot("docs")


def test_a_sound_can_be_sent_and_is_played(browser, screenshot, sound, tmp_path):
    samples = b"".join(struct.pack("<h", (n * 331) % 9000 - 4500) for n in range(4000))
    head = struct.pack("<4sI8sIHHIIHH4sI", *(b"RIFF", 36 + len(samples), b"WAVEfmt "),
                       *(16, 1, 1, 8000, 16000, 2, 16), *(b"data", len(samples)))  # fmt: skip
    file = tmp_path / "sound.wav"
    file.write_bytes(head + samples)
    docs = Docs(browser, sound, "callRaw")
    docs.within("input[type=file]").send_keys(str(file))
    assert docs.execute() == "200"
    player = docs.answer("audio")
    wait_until(lambda: player.get_property("duration") == 0.5, "the length of the sound")
    screenshot("docs_sound")


def test_the_example_of_the_envelope_is_answered(browser, mirror):
    docs = Docs(browser, mirror, "call")
    assert docs.execute() == "200"
    assert '"code": 0' in docs.answer(".response-col_description").text


def test_nothing_comes_from_elsewhere_and_nothing_is_refused(browser, mirror):
    browser.get_log("browser")
    Docs(browser, mirror, "healthz", "operations")
    home = f"http://{mirror.http}/"
    assert not [name for name in browser.execute_script(LOADED) if not name.startswith(home)]
    wrong = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert not wrong


def test_dark_where_the_reader_wants_it(page, mirror, screenshot):
    docs = Docs(page.browser, mirror, "callRaw")
    colours = (
        "return ['body', '.opblock-body', '.opblock-summary-description', '.btn.execute'].map("
        "s => [s, getComputedStyle(document.querySelector(s)).backgroundColor,"
        " getComputedStyle(document.querySelector(s)).color])"
    )
    docs.within(".btn.execute")
    for scheme in ("light", "dark"):
        page.colours(scheme)
        seen = {name: (back, ink) for name, back, ink in page.run(colours)}
        dark = scheme == "dark"
        assert (brightness(seen["body"][0]) < 50) == dark
        assert (brightness(seen[".opblock-body"][0]) < 60) == dark
        assert (brightness(seen[".opblock-summary-description"][1]) > 140) == dark
    docs.within("input[type=file]").send_keys(str(PICTURE))
    assert docs.execute() == "200"
    screenshot("docs_dark")


def test_the_way_back_leads_to_the_status_page(browser, mirror):
    for place in ("/docs", "/-/docs"):
        browser.get(f"http://{mirror.http}{place}")
        browser.find_element(By.CSS_SELECTOR, "#home").click()
        wait_until(lambda: browser.find_elements(By.CSS_SELECTOR, "#calls-box"), "the status page")


def test_the_status_page_leads_there(browser, mirror):
    browser.get(f"http://{mirror.http}/")
    link = wait_until(lambda: browser.find_element(By.CSS_SELECTOR, "#docs"), "the link")
    wait_until(link.is_displayed, "the link to /docs")
    link.click()
    wait_until(lambda: browser.find_elements(By.CSS_SELECTOR, ".opblock"), "Swagger UI")
    assert browser.title == "svcName API"
