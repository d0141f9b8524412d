# SPDX-License-Identifier: Apache-2.0
"""report.html of xtest in a real browser: charts that say what was measured, and can be read."""

import pytest
from selenium.webdriver.common.keys import Keys
from waiting import wait_until
from xtest_tool import Xtest

# Pairs of texts of one chart that stand on each other.
OVERLAPS = """
const hit = (a, b) => a.left < b.right - 1 && b.left < a.right - 1
  && a.top < b.bottom - 2 && b.top < a.bottom - 2;
return [...document.querySelectorAll('figure > svg')].flatMap((svg) => {
  const texts = [...svg.querySelectorAll('text')];
  return texts.flatMap((a, i) => texts.slice(i + 1)
    .filter((b) => hit(a.getBoundingClientRect(), b.getBoundingClientRect()))
    .map((b) => `${a.textContent} | ${b.textContent}`));
});
"""
OUTSIDE = """
return [...document.querySelectorAll('figure')].flatMap((figure) => {
  const box = figure.getBoundingClientRect();
  return [...figure.querySelectorAll('text')].map((t) => [t.textContent, t.getBoundingClientRect()])
    .filter(([, r]) => r.left < box.left || r.right > box.right).map(([text]) => text);
});
"""


@pytest.fixture(scope="module")
def report(shared, binaries, tmp_path_factory):
    """The address of the report of a sweep whose steps are no whole seconds."""
    tool = Xtest(binaries, tmp_path_factory.mktemp("report"), {"a": b"hello"})
    tool.run(f"-target={shared.grpc}", "-rate=40:120:40", "-count=0", "-duration=2300ms")
    return (tool.latest() / "report.html").as_uri()


def chart(page, title):
    found = [f for f in page.all("figure") if f.text.startswith(title)]
    assert found, title
    return found[0]


def drawn(page, report):
    page.browser.get(report)
    wait_until(lambda: len(page.all("figure > svg .line")) > 5, "the charts")
    page.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    wait_until(lambda: page.all("rect.bar"), "the histogram")


def test_charts_are_drawn_and_nothing_comes_from_elsewhere(page, report, screenshot):
    drawn(page, report)
    for title in ("Latency by rate", "Latency over time", "Calls per second over time", "Latency"):
        svg = chart(page, title).find_element("css selector", "svg")
        assert svg.get_attribute("aria-label").startswith(title)
    assert page.run("return performance.getEntriesByType('resource').length") == 0
    screenshot("report")


def test_labels_neither_overlap_nor_leave_their_chart(page, report):
    for width in (1200, 700, 380):
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        drawn(page, report)
        assert page.run(OVERLAPS) == [], width
        assert page.run(OUTSIDE) == [], width
        wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.run(wide) == 0, width


def test_a_chart_is_no_larger_than_what_it_shows(page, report):
    drawn(page, report)
    for figure in page.all("figure"):
        assert 100 < figure.size["height"] < 330
        assert figure.size["width"] < 620


def test_microseconds_are_written_as_people_do(page, report):
    drawn(page, report)
    text = page.text("main")
    assert " us" not in text.replace(" used", "")
    assert " \u00b5s" in text or " ms" in text


def test_the_sweep_has_no_drops_between_its_steps(page, report):
    drawn(page, report)
    runs = page.run(
        "return [...document.querySelectorAll('figure[data-chart]')]"
        ".map(f => JSON.parse(f.dataset.chart))"
        ".find(c => c.title.startsWith('Calls per second')).series[0].runs"
    )
    assert [len(run) for run in runs] == [2, 2, 2], "whole seconds of each step"
    for run, rate in zip(runs, (40, 80, 120)):
        assert all(sent >= rate * 0.5 for _, sent in run), runs


def test_values_are_said_to_mouse_and_keyboard(page, report):
    drawn(page, report)
    over_time = chart(page, "Latency over time")
    svg = over_time.find_element("css selector", "svg")
    svg.send_keys(Keys.ARROW_LEFT)
    wait_until(lambda: "at " in over_time.find_element("css selector", ".muted").text, "a moment")
    assert len(page.all(".cross")) >= 2, "the charts over time show one moment"
    svg.send_keys(Keys.ESCAPE)
    bars = [f for f in page.all("figure") if f.find_elements("css selector", "rect.bar")][0]
    bars.find_element("css selector", "svg").send_keys(Keys.HOME)
    wait_until(lambda: "calls" in bars.find_element("css selector", ".muted").text, "a bar")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_the_colours_that_the_reader_wants(page, report, scheme):
    page.colours(scheme)
    drawn(page, report)
    ink = page.run("return getComputedStyle(document.body).color")
    assert (sum(map(int, ink[4:-1].split(","))) > 384) == (scheme == "dark")
