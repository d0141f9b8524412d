# SPDX-License-Identifier: Apache-2.0
"""What the status page costs a browser: its bytes, and the time until something is seen."""

import contextlib
import statistics
import tempfile
import time
from pathlib import Path

from processes import BenchError, Loader
from report import Row

BENCH = Path(__file__).resolve().parent
CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
LOADS = 9
TARGET_PAINT_MS, TARGET_KB = 200, 100
PAINT_TIMEOUT_S = 30
PAINT = "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
# What comes over the wire before the page asks for data, heads included.
BYTES = (
    "return [performance.getEntriesByType('navigation'), performance.getEntriesByType('resource')]"
    ".flat().filter(e => !e.name.includes('/status.json')).reduce((n, e) => n + e.transferSize, 0)"
)


@contextlib.contextmanager
def chromium():
    """A headless Chromium that keeps no cache."""
    from selenium import webdriver  # Only this row needs it.

    for program in (CHROMIUM, DRIVER):
        if not program.exists():
            raise BenchError(f"expected {program}: install the packages of scripts/setup.sh test")
    with tempfile.TemporaryDirectory(prefix="aiges-bench-") as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = str(CHROMIUM)
        for argument in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "disable-gpu"):
            options.add_argument(f"--{argument}")
        options.add_argument(f"--user-data-dir={profile}")
        driver = webdriver.Chrome(options, webdriver.ChromeService(str(DRIVER)))
        try:
            driver.execute_cdp_cmd("Network.enable", {})
            driver.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": True})
            yield driver
        finally:
            driver.quit()


def first_paint_ms(driver, address):
    driver.get("about:blank")
    driver.get(f"http://{address}/")
    until = time.monotonic() + PAINT_TIMEOUT_S
    while (painted := driver.execute_script(PAINT)) is None:
        if time.monotonic() > until:
            raise BenchError(f"the page was not painted within {PAINT_TIMEOUT_S} s")
        time.sleep(0.01)
    return painted


def page_rows(settings):
    """first paint of the status page in Chromium on loopback, and the bytes it loads"""
    with Loader(settings.binaries, BENCH / "echo") as loader, chromium() as driver:
        paints = []
        for number in range(LOADS):
            settings.say(f"page: load {number + 1} of {LOADS}")
            paints.append(first_paint_ms(driver, loader.http))
        kilobytes = driver.execute_script(BYTES) / 1000
    paint = statistics.median(paints)
    fields = {
        "first_paint_ms": round(paint, 1),
        "target_first_paint_ms": TARGET_PAINT_MS,
        "first_paint_ms_runs": [round(ms, 1) for ms in paints],
    }
    met = paint <= TARGET_PAINT_MS
    yield Row("page_paint", f"{paint:.0f} ms", f"<= {TARGET_PAINT_MS} ms", met, fields)
    fields = {"kb": round(kilobytes, 1), "target_kb": TARGET_KB}
    met = kilobytes <= TARGET_KB
    yield Row("page_bytes", f"{kilobytes:.1f} KB", f"<= {TARGET_KB} KB", met, fields)
