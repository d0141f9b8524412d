# SPDX-License-Identifier: Apache-2.0
"""Chinese pages are in step with the English ones; every error code is told in both languages."""

import re

import pytest
from aiges.client import CODES
from doc_page import blocks_of
from doc_script import ROOT

PAIRS = [("README.md", "README.zh-CN.md"), ("docs/quick_start.md", "docs/zh/quick_start.md")]
HAN = re.compile(r"[\u3400-\u9fff]")


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def headings(name):
    """The level and, where there is one, the number of each heading, in order."""
    fences = re.sub(r"^```.*?^```$", "", read(name), flags=re.M | re.S)
    return re.findall(r"^(#+) (\d+\. )?", fences, re.M)


def tables(name):
    """How many lines each table has."""
    return [len(found.splitlines()) for found in re.findall(r"(?:^\|.*\n?)+", read(name), re.M)]


@pytest.mark.parametrize(("english", "chinese"), PAIRS)
def test_a_chinese_page_has_the_headings_and_tables_of_the_english_one(english, chinese):
    assert headings(chinese) == headings(english)
    assert tables(chinese) == tables(english)


@pytest.mark.parametrize(("english", "chinese"), PAIRS)
def test_a_chinese_page_has_the_blocks_of_the_english_one(english, chinese):
    """The same files, commands, answers and tests of them: those of the English page are run."""
    ours, theirs = (blocks_of(read(name), name) for name in (chinese, english))
    for mine, other in zip(ours, theirs):
        said = f"{chinese}:{mine.line} is not as {english}:{other.line}"
        assert (mine.language, mine.text, mine.asked) == (
            other.language,
            other.text,
            other.asked,
        ), said
    assert len(ours) == len(theirs)


@pytest.mark.parametrize("chinese", [chinese for _, chinese in PAIRS])
def test_a_chinese_page_is_chinese(chinese):
    prose = [
        line
        for line in re.sub(
            r"^```.*?^```$|<!--.*?-->", "", read(chinese), flags=re.M | re.S
        ).splitlines()
        if len(line) > 40 and not line.startswith(("    ", "|"))
    ]
    assert prose
    for line in prose:
        assert HAN.search(line), f"{chinese}: expected Chinese, got {line!r}"
        assert not re.search(r"[\u3400-\u9fff][,;:!?(]", line), f"{chinese}: half-width: {line!r}"


def code_rows():
    """{code: cells} of the tables of docs/errors.md that have both languages."""
    rows = (
        re.split(r"\s*\|\s*", line.strip("| \n")) for line in read("docs/errors.md").splitlines()
    )
    return {int(row[0]): row for row in rows if len(row) == 6 and re.fullmatch(r"\d{5}", row[0])}


def test_every_code_is_told_in_english_and_chinese():
    named = dict(
        (int(code), name)
        for name, code in re.findall(
            r"constexpr int kCode(\w+) = (\d+);", read("loader/api/codes.h")
        )
    )
    engine = {int(code) for code in re.findall(r"= (300\d\d)", read("wrapper/py_error.h"))}
    engine |= {
        int(code) for code in re.findall(r"(?:= |, )(300\d\d)$", read("sdk/aiges/errors.py"), re.M)
    }
    rows = code_rows()
    assert len(named) > 20 and len(engine) > 10
    assert rows.keys() == named.keys() | CODES.keys() | engine
    for code, (_, name, http, grpc, english, chinese) in rows.items():
        assert code not in named or name == named[code]
        assert re.fullmatch(r"-|[1-5]\d\d(, [1-5]\d\d)*", http), code
        assert re.fullmatch(r"-|[A-Z_]+(, [A-Z_]+)*", grpc), code
        assert not HAN.search(english) and len(english) > 20, code
        assert len(HAN.findall(chinese)) > 4, code
