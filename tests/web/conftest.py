"""Fixtures of the tests in a browser; the helpers of tests/e2e are theirs too.

Screenshots go to build/web, for people to look at.
"""

import importlib.util
import sys
from pathlib import Path

import pytest
from selenium import webdriver

HERE = Path(__file__).resolve().parent
E2E = HERE.parent / "e2e"
ROOT = HERE.parents[1]
for folder in (E2E, HERE):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

# Several files are called conftest.py, so that of tests/e2e is loaded by its path.
_spec = importlib.util.spec_from_file_location("e2e_conftest_of_web", E2E / "conftest.py")
_e2e = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_e2e)
binaries, start, xsf_stubs = _e2e.binaries, _e2e.start, _e2e.xsf_stubs
shared, toolbox, v2_folder = _e2e.shared, _e2e.toolbox, _e2e.v2_folder


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
