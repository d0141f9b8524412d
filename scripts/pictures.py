# SPDX-License-Identifier: Apache-2.0
"""Takes the pictures of our pages that docs/ shows:  pictures.py [FOLDER]

Starts a loader of build/bin with a small model, puts load on it with xtest, and photographs the
status page, the docs page and xtest's report in Chromium (scripts/setup.sh test), as PNG with 256
colours, into docs/pictures. Look at what has changed before you commit it: the figures are those of
this machine.
"""

import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from PIL import Image
from selenium import webdriver

ROOT = Path(__file__).resolve().parents[1]
BIN = ROOT / "build" / "bin"
PICTURE = ROOT / "plugins" / "yolov5" / "test_data" / "coins.png"
WIDTH, MOST_BYTES = 1200, 200_000
WAIT_S, LOAD_S = 30, 15

MODEL = '''
from typing import Literal

from PIL import Image, ImageOps


def predict(
    picture: Image.Image,
    title: str = "coins",
    turns: int = 2,
    mode: Literal["fast", "good"] = "fast",
    mirrored: bool = True,
) -> Image.Image:
    """Turn a picture.

    picture: any that Pillow reads
    turns: quarters of a whole one
    """
    if title == "blank":
        raise ValueError("no model has learned blank pictures")
    turned = picture.rotate(90 * turns, expand=True)
    return ImageOps.mirror(turned) if mirrored else turned
'''

CONFIG = """
[coins]
host = "127.0.0.1"
port = {grpc}

[wrapper]
http_listen = "127.0.0.1:{http}"

[aiges]
contract = "typed"
app = "turn"

[instances]
pythonpath = "."
python = "{python}"
count = 2
"""

XTEST = """
[svcMode]
svcId = "coins"
timeout = 5000
plot = false
gpuMon = false

[data]
payload = "input"
expect = "output"

[input]
inputSrc = "input"
name = "picture"
type = "image"

[output]
name = "result"
type = "image"

[downstream]
output = -1
"""


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def wait(there, what):
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        try:
            if found := there():
                return found
        except OSError:
            pass
        time.sleep(0.1)
    raise SystemExit(f"pictures: expected {what} within {WAIT_S} s, it is not there")


def browser(folder):
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in (
        *("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"),
        *("--hide-scrollbars", f"--user-data-dir={folder}"),
    ):
        options.add_argument(argument)
    return webdriver.Chrome(options, webdriver.ChromeService("/usr/bin/chromedriver"))


def size(driver, height):
    metrics = {"width": WIDTH, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def keep(driver, file, most_height):
    """The page as high as it is, at most so high."""
    size(driver, 400)
    height = driver.execute_script("return document.documentElement.scrollHeight")
    size(driver, min(height, most_height))
    time.sleep(1)  # Charts are drawn anew in the new size.
    driver.save_screenshot(str(file))
    Image.open(file).convert("RGB").quantize(256).save(file, optimize=True)
    assert file.stat().st_size <= MOST_BYTES, f"{file}: {file.stat().st_size} bytes"
    print(f"{file}: {file.stat().st_size // 1024} KB")


def post(url, body):
    try:
        urllib.request.urlopen(urllib.request.Request(url, data=body, method="POST")).read()
    except urllib.error.HTTPError:
        pass


def take(driver, home, report, out):
    def there(selector):
        return wait(
            lambda: driver.execute_script(
                "return document.querySelector(arguments[0]) !== null", selector
            ),
            selector,
        )

    size(driver, 1000)
    driver.get(f"{home}/")
    there("#declared label")
    there("#c-rate > svg .s0.line")
    driver.find_element("css selector", "#declared [type=file]").send_keys(str(PICTURE))
    driver.find_element("css selector", "#send").click()
    there("#answer-body img")
    driver.execute_script("document.querySelector('#calls-box').open = true")
    there("#calls details")
    driver.execute_script(
        # Its frames have paths of this machine.
        "document.querySelector('.fail').open = true;"
        "document.querySelectorAll('.fail pre').forEach(e => {"
        ' e.textContent = e.textContent.replace(/File "[^"]*\\//g, \'File "../\'); });'
        "document.querySelector('#calls').style.maxHeight = '170px'"
    )
    time.sleep(1)
    keep(driver, out / "status.png", 2400)

    size(driver, 1000)
    driver.get(f"{home}/docs#/call/predict")
    there("#operations-call-predict.is-open .btn.execute")
    keep(driver, out / "docs.png", 1300)

    size(driver, 1000)
    driver.get(report.as_uri())
    there("figure > svg .line")
    driver.execute_script("document.querySelector('details').open = true")
    there("rect.bar")
    keep(driver, out / "xtest_report.png", 2000)


def main():
    out = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "docs" / "pictures").resolve()
    out.mkdir(parents=True, exist_ok=True)
    grpc, http = free_port(), free_port()
    home = f"http://127.0.0.1:{http}"
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "turn.py").write_text(MODEL)
        (place / "aiges.toml").write_text(
            CONFIG.format(grpc=grpc, http=http, python=sys.executable)
        )
        (place / "xtest.toml").write_text(XTEST)
        (place / "input").mkdir()
        (place / "input" / "coins.png").write_bytes(PICTURE.read_bytes())
        command = [BIN / "AIService", "-m=0", "-c", "aiges.toml", "-s", "coins"]
        with open(place / "loader.log", "wb") as log:
            loader = subprocess.Popen(command, cwd=place, stdout=log, stderr=log)
        try:
            wait(lambda: urllib.request.urlopen(f"{home}/readyz").status == 200, "a ready loader")
            post(f"{home}/v1/raw/coins?key=picture&p.title=blank", PICTURE.read_bytes())
            rates = f"-rate=20:60:20 -duration={LOAD_S // 3}s -count=0".split()
            subprocess.run(
                [BIN / "xtest", f"-target=127.0.0.1:{grpc}", *rates, f"-pid={loader.pid}"],
                cwd=place,
                check=True,
            )
            driver = browser(place / "chromium")
            try:
                take(driver, home, place / "log" / "latest" / "report.html", out)
            finally:
                driver.quit()
        except BaseException:
            print((place / "loader.log").read_text(errors="replace")[-2000:], file=sys.stderr)
            raise
        finally:
            loader.terminate()
            loader.wait(30)


if __name__ == "__main__":
    main()
