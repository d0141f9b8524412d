# SPDX-License-Identifier: Apache-2.0
"""axe-core finds nothing serious on any page of ours, in light and in dark colours."""

import axe
import pytest
from declared import MIRROR
from loader_process import Loader
from selenium.webdriver.common.by import By
from status_page import console_forget
from test_docs_page import PICTURE, Docs
from waiting import wait_until
from xtest_tool import Xtest

SCHEMES = ("light", "dark")


@pytest.fixture(scope="module")
def mirror(binaries, tmp_path_factory):
    with Loader(binaries, tmp_path_factory.mktemp("mirror"), MIRROR) as loader:
        yield loader


def check(page, scheme):
    page.colours(scheme)
    # Colours change by and by where an element has a transition.
    page.run("document.getAnimations().forEach(a => a.finish())")
    assert axe.findings(page.browser) == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_status_page(start, toolbox, page, scheme):
    loader = start(toolbox)
    page.open(loader)
    loader.web.raw_mode(b"x", "?p.do=raise&p.text=bad")
    loader.web.raw_mode(b"x", "?p.do=exit")
    page.wait_text("#errors", "Worker 0 died")
    page.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    wait_until(lambda: len(page.all("#calls > details")) >= 2, "the calls")
    page.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    page.send()
    check(page, scheme)
    console_forget(page)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_form_of_declared_inputs(mirror, page, scheme):
    page.open(mirror)
    wait_until(lambda: page.find("#declared").is_displayed(), "the form")
    page.find("#declared [type=file]").send_keys(str(PICTURE))
    page.send()
    wait_until(lambda: page.all("#answer-body img"), "the picture")
    check(page, scheme)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_docs_page(mirror, page, scheme):
    docs = Docs(page.browser, mirror, "callRaw")
    docs.within("input[type=file]").send_keys(str(PICTURE))
    assert docs.execute() == "200"
    wait_until(lambda: page.all(".live-responses-table img"), "the picture")
    check(page, scheme)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_report_of_xtest(shared, binaries, page, tmp_path, scheme):
    tool = Xtest(binaries, tmp_path, {"a": b"hello"})
    tool.run(f"-target={shared.grpc}", "-rate=20:40:20", "-count=0", "-duration=1s")
    page.browser.get((tool.latest() / "report.html").as_uri())
    wait_until(lambda: page.all("figure > svg .line"), "the charts")
    page.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    wait_until(lambda: page.browser.find_elements(By.CSS_SELECTOR, "rect.bar"), "the histogram")
    check(page, scheme)
