# SPDX-License-Identifier: Apache-2.0
"""The mechanism of test_doc_pages.py itself: a page that is wrong fails, and says where."""

from pathlib import Path

import doc_script
import pytest
from doc_page import PageError, blocks_of, expected_in
from doc_script import run_blocks, script_of

PAGE = """\
# Title
    echo under a heading

Text, which goes on
    in a line that is no block.

<!-- test: prints "two words" -->
<!-- test: background until "ready" -->
    echo one

    echo two words

```toml
[a]
```
<!-- test: stop -->
"""


def test_blocks_and_what_is_asked_of_them():
    heading, echo, toml, stop = blocks_of(PAGE)
    assert (heading.line, heading.text, heading.is_run) == (2, "echo under a heading\n", True)
    assert echo.text == "echo one\n\necho two words\n"
    assert echo.asked == {"prints": ["two words"], "background": ["ready"]}
    assert (toml.line, toml.language, toml.text, toml.is_run) == (14, "toml", "[a]\n", False)
    assert "stop" in stop.asked and not stop.is_run


@pytest.mark.parametrize(
    ("page", "why"),
    [
        ("<!-- test: shout -->\n    ls\n", "page:1: cannot read"),
        ("<!-- test: skip -->\n    ls\n", "page:1: cannot read"),
        ("<!-- test: skip: -->\n    ls\n", "page:1: cannot read"),
        ("<!-- test: fails -->\ntext\n", "page:2: expected a block"),
        ("<!-- test: fails -->\n", "expected a block"),
        ("```toml\na = 1\n", "does not end"),
    ],
)
def test_a_page_that_cannot_be_understood(page, why):
    with pytest.raises(PageError, match=why):
        blocks_of(page)


@pytest.mark.parametrize(
    "page",
    [
        "    cd x && ls\n",  # The shell would not stop at a failing cd.
        '<!-- test: background until "ready" -->\n    serve\n\n    call\n',  # call is no server.
    ],
)
def test_commands_that_would_hide_a_failure_are_refused(page):
    with pytest.raises(PageError, match="line [12]:"):
        script_of(blocks_of(page))


def test_shown_output_may_leave_parts_out():
    assert expected_in("sid ..\n\n.. ms", "sid 5\ntook 3 ms\n") == []
    assert expected_in("sid ..\nmore", "a sid 5\n") == ["sid ..", "more"]


def run(page, folder):
    lacking = doc_script.missing()
    if lacking:
        pytest.skip(f"needs {lacking}")
    return run_blocks(blocks_of(page), folder)


def test_a_page_runs_in_order_with_its_files_and_servers(tmp_path):
    page = """\
<!-- test: file hello.txt -->
```text
it's $HOME
```

    mkdir site
    cd site
    cp ../hello.txt .

<!-- test: background until "Serving HTTP" -->
    echo first
    python3 -u -m http.server 5090 --bind 127.0.0.1

Then

    curl http://127.0.0.1:5090/hello.txt

<!-- test: fails -->
    curl http://127.0.0.1:5090/none

<!-- test: says "GET /none" -->

<!-- test: stop -->

<!-- test: until "xxx" -->
    printf x >> grows
    cat grows

Then

    pwd
    test -f ../README.md
"""
    ran = run(page, tmp_path)
    assert ran.why == ""
    assert ran.printed[2].startswith("first\n")
    assert ran.printed[3] == "it's $HOME\n"
    assert "404" in ran.printed[4]
    assert ran.printed[7] == "xxx"
    assert ran.printed[8].strip().endswith("/checkout/site")


@pytest.mark.parametrize(
    ("page", "why"),
    [
        ("    true\n\ntext\n\n    echo so\n    false\n    true\n", "line 5: ended with 1:\nso\n"),
        ("<!-- test: fails -->\n    true\n", "line 2: it was to fail, and did not"),
        ('<!-- test: background until "x" -->\n    echo y\n', "line 2: it ended before it said x"),
        ('<!-- test: background until "it\'s" -->\n    sleep 0\n', "before it said it's"),
    ],
)
def test_a_page_that_is_wrong_says_where(tmp_path, page, why):
    assert why in run(page, tmp_path).why


def test_nothing_that_a_page_started_outlives_it(tmp_path):
    name = f"4{tmp_path.stat().st_ino}"
    page = f'<!-- test: background until "" -->\n    sleep {name}\n'.replace('""', '"on"')
    page = page.replace("    sleep", "    set -x\n    echo on\n    sleep")
    ran = run(page, tmp_path)
    assert ran.why == ""
    alive = [p for p in _commands() if name in p]
    assert alive == []


def _commands():
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
