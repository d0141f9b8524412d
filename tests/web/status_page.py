# SPDX-License-Identifier: Apache-2.0
"""The status page as tests see it."""

from selenium.webdriver.common.by import By
from waiting import wait_until

PHONE = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}


class Page:
    def __init__(self, browser):
        self.browser = browser

    def open(self, loader):
        self.browser.get(f"http://{loader.http}/")
        self.wait_text("#service", "svcName")

    def find(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector):
        return self.run("return document.querySelector(arguments[0])?.textContent ?? ''", selector)

    def wait_text(self, selector, wanted):
        return wait_until(lambda: wanted in self.text(selector), f"{wanted!r} in {selector}")

    def run(self, script, *arguments):
        return self.browser.execute_script(script, *arguments)

    def colours(self, scheme):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def phone(self):
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)

    def choose(self, kind):
        self.find(f"input[name=kind][value={kind}] + span").click()

    def fill(self, name, text):
        field = self.find(f"#call [name={name}]")
        field.clear()
        field.send_keys(text)

    def send(self):
        self.find("#send").click()
        wait_until(lambda: self.all("#answer-head .pill"), "an answer")


def brightness(colour):
    """0 to 255 of "rgb(1, 2, 3)"."""
    return sum(float(part) for part in colour.strip("rgba()").split(",")[:3]) / 3


def console_forget(page):
    """An answer with an error status is one in the console too: it was asked for."""
    for entry in page.browser.get_log("browser"):
        assert "status of" in entry["message"], entry["message"]
