# SPDX-License-Identifier: Apache-2.0
"""The form that asks who somebody is, in a real browser; tests/e2e has what its cookie may."""

import pytest
from axe import findings
from selenium.webdriver.common.by import By
from status_page import console_forget
from test_access import WHO, line
from waiting import wait_until


@pytest.fixture
def locked(start, tmp_path):
    (tmp_path / "keys").write_text(line("ops", "k-ops", "call,admin"))
    return start(WHO, config={"access": {"keys_file": str(tmp_path / "keys")}})


def type_key(browser, key):
    field = browser.find_element(By.CSS_SELECTOR, "input[name=key]")
    field.clear()
    field.send_keys(key)
    browser.find_element(By.CSS_SELECTOR, "button").click()


def test_who_has_logged_in_sees_the_page_that_was_wanted(locked, browser, page, screenshot):
    base = f"http://{locked.http}"
    browser.get(f"{base}/-/status")
    assert page.text("h1") == "AIService"
    assert page.find("input[name=key]").get_attribute("type") == "password"
    assert findings(browser) == []
    screenshot("login")
    type_key(browser, "k-wrong")
    wait_until(lambda: "not known" in page.text("[role=alert]"), "what is wrong")
    assert browser.current_url == f"{base}/-/login"
    type_key(browser, "k-ops")
    page.wait_text("#service", "svcName")
    assert browser.current_url == f"{base}/-/status"
    console_forget(page)  # The two that were refused.
    (cookie,) = browser.get_cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/-/")
    assert page.run("return document.cookie") == ""
    # The page may call nothing with it.
    status = page.run(
        "return fetch('/-/admin/reload', {method: 'POST'}).then(answer => answer.status)"
    )
    assert status == 401
    console_forget(page)


def test_logging_out_ends_it(locked, browser, page):
    base = f"http://{locked.http}"
    browser.get(f"{base}/-/docs")
    type_key(browser, "k-ops")
    wait_until(lambda: browser.current_url == f"{base}/-/docs", "the page")
    status = page.run("return fetch('/-/logout', {method: 'POST'}).then(answer => answer.url)")
    assert status == f"{base}/-/login"
    browser.get(f"{base}/-/status")
    assert page.find("input[name=key]")
    console_forget(page)
