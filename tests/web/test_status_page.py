# SPDX-License-Identifier: Apache-2.0
"""The status page in a real browser, with calls running: what it shows, and what it never does."""

import contextlib
import threading
import time

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from status_page import brightness, console_forget
from waiting import wait_until

# What an engine could say to get into the page.
HOSTILE = "<script>window.caught=1</script><img src=x onerror=window.caught=1>"
PAGE_FILES = "return performance.getEntriesByType('resource').map(e => new URL(e.name).pathname)"


@contextlib.contextmanager
def calls(loader, threads=3):
    """Clients that call all the time; one call in twenty raises."""
    ending = threading.Event()

    def run(number):
        for turn in iter(int, 1):
            if ending.is_set():
                return
            count[number] += 1
            bad = count[number] % 20 == 0
            loader.web.raw_mode(b"x" * 200, "?p.do=raise&p.text=bad" if bad else "?p.do=echo")
            ending.wait(0.005 + turn)

    count = [0] * threads
    workers = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    try:
        yield
    finally:
        ending.set()
        for worker in workers:
            worker.join(30)


def test_shows_what_runs_while_it_runs(start, toolbox, page, screenshot):
    loader = start(toolbox, config={"instances": {"count": 2}, "fc": {"max": 50}})
    with calls(loader):
        page.open(loader)
        page.wait_text("#state", "Ready")
        assert len(page.all("#instances tbody tr")) == 2
        assert loader.grpc in page.text("#facts")
        length = "return document.querySelector('#c-rate > svg .s0.line').getTotalLength()"
        wait_until(lambda: page.all("#c-rate > svg .s0.line"), "a curve")
        before = page.run(length)
        wait_until(lambda: page.run(length) > before + 5, "a curve that has moved")
        assert float(page.text("#t-calls").split()[0].replace(",", "")) > 0
        page.wait_text("#errors", "ValueError: bad")
        page.wait_text("#answers", "10909")
        screenshot("status_light")
    assert page.run("return window.caught") is None


def test_curves_say_their_values_to_mouse_and_keyboard(start, toolbox, page):
    loader = start(toolbox)
    with calls(loader, threads=1):
        page.open(loader)
        wait_until(lambda: len(page.all("#c-rate > svg .s0.line")) > 0, "a curve")
        chart = page.find("#c-latency svg")
        assert "median" in chart.get_attribute("aria-label")
        chart.send_keys(Keys.ARROW_LEFT)
        for figure in ("#c-rate", "#c-latency", "#c-load"):
            assert page.text(f"{figure} figcaption .muted").startswith("at ")
            assert page.all(f"{figure} .cross")
        page.wait_text("#said", "p99")
        chart.send_keys(Keys.ESCAPE)
        assert not page.all(".cross")
        ActionChains(page.browser).move_to_element(chart).perform()
        wait_until(lambda: len(page.all(".cross")) == 3, "a line through all charts")
        assert page.text("#c-rate figcaption .muted").startswith("at ")


def test_dark_where_the_reader_wants_it(start, toolbox, page, screenshot):
    loader = start(toolbox)
    colour = "const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]"
    page.open(loader)
    page.colours("light")
    back, ink = map(brightness, page.run(colour))
    assert back > 200 > 80 > ink
    page.colours("dark")
    with calls(loader):
        page.wait_text("#errors", "ValueError: bad")
        back, ink = map(brightness, page.run(colour))
        assert back < 50 < 200 < ink
        page.run("document.querySelector('.fail').open = true")
        screenshot("status_dark")


def test_readable_on_a_phone(start, toolbox, page, screenshot):
    loader = start(toolbox, config={"instances": {"count": 2}})
    page.phone()
    with calls(loader):
        page.open(loader)
        page.wait_text("#errors", "ValueError: bad")
        page.run("document.querySelector('.fail').open = true")
        wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.run(wide) == 0, "nothing is beside the screen"
        small = page.run(
            "return [...document.querySelectorAll('p,td,dd,label,summary,button,li')]"
            ".filter(e => e.offsetParent && parseFloat(getComputedStyle(e).fontSize) < 12).length"
        )
        assert small == 0
        screenshot("status_phone")
        page.run("document.querySelector('#errors').scrollIntoView()")
        screenshot("status_phone_errors")
        page.run("document.querySelector('#try').scrollIntoView()")
        screenshot("status_phone_try")


def test_error_comes_with_its_traceback(start, toolbox, page, screenshot):
    loader = start(toolbox)
    page.open(loader)
    assert page.find("#no-errors").is_displayed()
    loader.web.raw_mode(b"x", "?p.do=raise&p.text=no+such+model")
    page.wait_text("#errors .what", "ValueError: no such model")
    assert not page.find("#no-errors").is_displayed()
    page.find("#errors summary").click()
    page.wait_text("#errors pre", "Traceback (most recent call last):")
    assert "in do_raise" in page.text("#errors pre")
    loader.web.raw_mode(b"x", "?p.do=raise&p.text=no+such+model")
    page.wait_text("#errors .times", "×2")
    assert page.find("#errors details").get_attribute("open"), "it stays open"
    loader.web.raw_mode(b"x", "?p.do=exit")
    page.wait_text("#errors", "Worker 0 died: exit status 3")
    page.wait_text("#instances", "exit status 3")
    screenshot("status_error")


def test_what_engines_write_stays_text(start, page):
    loader = start(
        f"""
import os
print({HOSTILE!r}, flush=True)
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    if params.get("end"):
        os._exit(3)
    raise ValueError({HOSTILE!r})
"""
    )
    page.open(loader)
    loader.web.raw_mode(b"x", headers={"sid": HOSTILE})
    loader.web.raw_mode(b"x", "?p.end=1")
    page.wait_text("#errors", HOSTILE)
    page.wait_text("#errors details:last-child pre", HOSTILE)
    page.fill("text", "x")
    page.send()
    page.wait_text("#answer-body", "script>window.caught=1")
    assert page.run("return window.caught") is None
    assert not page.all("#errors script, #errors img, #answer-body script, #answer-body img")
    console_forget(page)


def test_without_a_token_there_is_nothing_to_write_with(start, toolbox, page):
    loader = start(toolbox)
    page.open(loader)
    page.wait_text("#no-token", "[admin] token")
    assert not page.find("#reload").is_displayed()
    (worker,) = loader.workers()
    status = page.run("return fetch('/admin/reload', {method: 'POST'}).then(r => r.status)")
    assert status == 403, "also not by a script of this very page"
    assert loader.workers() == [worker]
    console_forget(page)


def test_reload_needs_the_token(start, toolbox, page):
    loader = start(toolbox, config={"admin": {"token": "secret"}})
    page.open(loader)
    wait_until(lambda: page.find("#reload").is_displayed(), "the form")
    button = page.find("#reload-button")
    assert not button.is_enabled()
    (worker,) = loader.workers()
    token = page.find("#reload [name=token]")
    token.send_keys("guess")
    button.click()
    page.wait_text("#reload-note", "Refused (403)")
    assert loader.workers() == [worker]
    console_forget(page)
    token.clear()
    token.send_keys("secret")
    button.click()
    page.wait_text("#reload-note", "Reloaded at")
    assert loader.workers() != [worker]


def test_loads_little_and_nothing_from_elsewhere(start, toolbox, page):
    loader = start(toolbox)
    page.open(loader)
    data = ("/status.json", "/openapi.json")
    files = [path for path in page.run(PAGE_FILES) if path not in data]
    scripts = ("answer", "calls", "chart", "charts", "dom", "inputs", "status", "tryit")
    wanted = [*(f"/ui/{name}.js" for name in scripts), "/ui/chart.css", "/ui/status.css"]
    assert sorted(files) == sorted(wanted), "each of them once"
    assert page.run(
        "return performance.getEntriesByType('resource').every(e => "
        "new URL(e.name).origin === location.origin)"
    )
    sent = page.run(
        "return performance.getEntriesByType('navigation')[0].transferSize + performance"
        ".getEntriesByType('resource').filter(e => !e.name.includes('.json'))"
        ".reduce((sum, e) => sum + e.transferSize, 0)"
    )
    assert 10_000 < sent <= 100_000


def test_page_opened_late_shows_what_was_before(start, toolbox, page):
    loader = start(toolbox)
    with calls(loader):
        wait_until(lambda: len(history(loader)) >= 3, "a history")
    page.open(loader)
    rows = history(loader)
    wait_until(lambda: page.all("#c-rate > svg .s0.line"), "the curve of the past")
    assert max(row[1] for row in rows) > 0
    top = page.run("return document.querySelectorAll('#c-rate > svg text')[2].textContent")
    assert float(top.replace(",", "")) >= 5


def history(loader):
    return loader.web.get("/status.json").json["history"]["samples"]


def test_asks_no_more_while_hidden_and_says_when_nobody_answers(start, toolbox, page, screenshot):
    loader = start(toolbox)
    page.open(loader)
    page.run(
        "Object.defineProperty(document, 'hidden', {get: () => window.away, configurable: true});"
        "window.away = true; document.dispatchEvent(new Event('visibilitychange'))"
    )
    asked = "return performance.getEntriesByType('resource').filter(e => e.name.includes('.json'))"
    time.sleep(1.2)  # What was under way ends.
    before = len(page.run(asked))
    time.sleep(2.2)
    assert len(page.run(asked)) == before
    page.run("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    wait_until(lambda: len(page.run(asked)) > before, "it asks again")
    loader.kill()
    page.wait_text("#stale", "No answer from the loader")
    assert page.find("#stale").is_displayed()
    assert page.text("#state") == "No answer"
    screenshot("status_stale")
    for entry in page.browser.get_log("browser"):
        assert "ERR_CONNECTION" in entry["message"] or "ERR_EMPTY" in entry["message"]
