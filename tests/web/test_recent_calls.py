# SPDX-License-Identifier: Apache-2.0
"""The list of recent calls: what it tells of a call, and how one is found in it."""

from waiting import wait_until

LINES = "#calls > details"


def open_list(page, loader):
    page.open(loader)
    page.find("#calls-box > summary").click()


def lines(page):
    return page.run(f"return [...document.querySelectorAll('{LINES}')].map(d => d.textContent)")


def test_each_call_is_a_line_with_detail(start, toolbox, page, screenshot):
    loader = start(toolbox)
    loader.web.raw_mode(b"x" * 3000, "?p.do=echo", headers={"X-Request-Id": "good-one"})
    loader.web.raw_mode(
        b"x", "?p.do=raise&p.text=made+to+fail", headers={"X-Request-Id": "bad-one"}
    )
    open_list(page, loader)
    wait_until(lambda: len(lines(page)) == 2, "both calls")
    newest, oldest = page.all(LINES)
    assert "raw bad-one" in newest.text and "10909" in newest.text
    assert "raw good-one" in oldest.text and "ok" in oldest.text
    oldest.find_element("css selector", "summary").click()
    wait_until(lambda: "Data in" in oldest.text, "the detail")
    for part in ("2.93 KB", "of that queue", "of that channel", "of that engine", "good-one"):
        assert part in oldest.text, part
    newest.find_element("css selector", "summary").click()
    wait_until(lambda: "Traceback (most recent call last)" in newest.text, "the traceback")
    for part in ("ValueError: made to fail", "The engine failed", "Instance"):
        assert part in newest.text, part
    page.run("document.querySelector('#calls-card').scrollIntoView()")
    screenshot("status_calls")


def test_a_call_is_found_by_its_request_code_or_error(start, toolbox, page):
    loader = start(toolbox)
    for number in range(5):
        loader.web.raw_mode(b"x", "?p.do=echo", headers={"X-Request-Id": f"call-{number}"})
    loader.web.raw_mode(b"x", "?p.do=raise&p.text=odd+input", headers={"X-Request-Id": "call-5"})
    open_list(page, loader)
    wait_until(lambda: len(lines(page)) == 6, "the calls")
    field = page.find("#calls-filter")
    for text, found in (("call-3", 1), ("odd input", 1), ("10909", 1), ("RAW", 6), ("raw ok", 5)):
        field.clear()
        field.send_keys(text)
        wait_until(lambda n=found: len(lines(page)) == n, f"{found} with {text!r}")
    field.clear()
    field.send_keys("nothing like this")
    wait_until(lambda: lines(page) == [], "no line")
    page.wait_text("#calls-none", "None of them matches")
    field.clear()
    field.send_keys("call")
    page.find("#calls-failed").click()
    wait_until(lambda: len(lines(page)) == 1 and "call-5" in lines(page)[0], "the failed one")


def test_it_is_asked_for_only_while_it_is_open_and_goes_on(start, toolbox, page):
    loader = start(toolbox)
    asked = (
        "return performance.getEntriesByType('resource')"
        ".filter(e => e.name.includes('calls=')).length"
    )
    page.open(loader)
    wait_until(lambda: page.all("#c-rate > svg .s0.line"), "a curve")
    assert page.run(asked) == 0
    page.find("#calls-box > summary").click()
    page.wait_text("#calls-none", "No call yet")
    loader.web.raw_mode(b"x", "?p.do=echo", headers={"X-Request-Id": "later"})
    wait_until(lambda: any("later" in line for line in lines(page)), "the call")
    page.all(f"{LINES} summary")[0].click()
    loader.web.raw_mode(b"x", "?p.do=echo", headers={"X-Request-Id": "last"})
    wait_until(lambda: len(lines(page)) == 2, "both")
    assert len(page.all(f"{LINES}[open]")) == 1, "what is read stays open"
