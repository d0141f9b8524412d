# SPDX-License-Identifier: Apache-2.0
"""The site of `make site`: it builds without a warning, no link in it is dead, and search finds."""

import functools
import http.server
import subprocess
import sys
import threading
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from PIL import Image
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 20


class Places(HTMLParser):
    """What a page links to, loads, and can be linked to by."""

    def __init__(self, file):
        super().__init__()
        self.links, self.loads, self.ids = [], [], set()
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        said = dict(attrs)
        self.ids.update(said[name] for name in ("id", "name") if said.get(name))
        if tag == "a" and said.get("href"):
            self.links.append(said["href"])
        if tag in ("img", "script", "source") and said.get("src"):
            self.loads.append(said["src"])
        if tag == "link" and said.get("href"):
            self.loads.append(said["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "properdocs", "build", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stderr}\nA new page needs a line in nav of properdocs.yml."
    assert "WARNING" not in done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site):
    return {file: Places(file) for file in site.rglob("*.html") if file.name != "404.html"}


def test_every_page_of_the_repository_is_there(pages, site):
    names = {file.relative_to(site).as_posix() for file in pages}
    docs = {path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")}
    wanted = {p.with_suffix(".html").as_posix() for p in docs if p.parts[0] != "examples"}
    assert wanted <= names, wanted - names
    assert {"index.html", "zh/index.html", "architecture.html", "deploy/haproxy.html"} <= names


def test_no_link_is_dead_and_nothing_is_loaded_from_elsewhere(pages, site):
    dead = []
    for file, page in pages.items():
        here = f"http://site/{file.relative_to(site).as_posix()}"
        for link in page.links + page.loads:
            url = urlsplit(urljoin(here, link))
            if url.netloc != "site":
                if link in page.loads or url.scheme not in ("http", "https", "mailto"):
                    dead.append(f"{here}: {link} is loaded from elsewhere")
                continue
            target = site / unquote(url.path).lstrip("/")
            target = target / "index.html" if target.is_dir() else target
            place = unquote(url.fragment)
            if not target.is_file():
                dead.append(f"{here}: {link}: no such file")
            elif place and target in pages and place not in pages[target].ids:
                dead.append(f"{here}: {link}: no such place on that page")
    assert not dead, "\n".join(dead)


@pytest.fixture(scope="module")
def address(site):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=site)
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("max_message_bytes", "errors"),  # A name with underscores, as it is written.
        ("10110", "errors"),
        ("快速上手", "zh/quick_start"),
    ],
)
def test_search_finds_names_numbers_and_chinese(browser, address, words, found):
    browser.get(f"{address}/index.html?q={words}")

    def results(driver):
        links = driver.find_elements(By.CSS_SELECTOR, "#properdocs-search-results article a")
        return [link.get_attribute("href") for link in links]

    hrefs = WebDriverWait(browser, WAIT_S).until(results)
    assert any(f"/{found}.html" in href for href in hrefs), hrefs
    assert not any("/files/" in href for href in hrefs)


def test_a_page_can_be_looked_at(browser, address, screenshot):
    browser.get(f"{address}/index.html")
    assert "predict" in browser.find_element(By.TAG_NAME, "body").text
    screenshot("site")
    browser.get(f"{address}/zh/index.html")
    screenshot("site-zh")


def test_the_recorded_demo_moves_and_is_small():
    file = ROOT / "docs" / "pictures" / "demo.gif"
    assert file.stat().st_size <= 1_000_000
    with Image.open(file) as picture:
        assert picture.n_frames > 10
