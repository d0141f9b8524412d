# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the tests in a browser; the helpers of tests/e2e are theirs too.

Screenshots go to build/web, for people to look at.
"""

from pathlib import Path

import pytest
from loader_fixtures import binaries, shared, start, toolbox, v2_folder, xsf_stubs
from selenium import webdriver
from status_page import Page

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    """One headless Chromium for all tests; nothing outside loopback can be reached from it."""
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in (
        "--headless=new",
        "--no-sandbox",  # CI runs as root.
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--window-size=1200,900",
        f"--user-data-dir={tmp_path_factory.mktemp('chromium')}",
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService("/usr/bin/chromedriver"))
    driver.set_page_load_timeout(30)
    yield driver
    driver.quit()


@pytest.fixture
def browser(chromium):
    """The browser on an empty page with an empty console; what a page logs as error fails."""
    chromium.get("about:blank")
    chromium.get_log("browser")
    yield chromium
    severe = [e["message"] for e in chromium.get_log("browser") if e["level"] == "SEVERE"]
    assert not severe, "\n".join(severe)


@pytest.fixture
def screenshot(browser):
    """screenshot("name") keeps build/web/name.png of what the browser shows."""

    def keep(name):
        folder = ROOT / "build" / "web"
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{name}.png"
        browser.save_screenshot(str(file))
        return file

    return keep


@pytest.fixture
def page(browser):
    """The browser with what tests ask of it; in light colours and on a desk again afterwards."""
    yield Page(browser)
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
