# SPDX-License-Identifier: Apache-2.0
"""asectl usage: sums of what was delivered to files, and of what still waits in the spool."""

import datetime
from pathlib import Path

import pytest

METERED = Path(__file__).resolve().parents[2] / "docs" / "examples" / "metered"
NOBODY = "http://127.0.0.1:9/events"


@pytest.mark.parametrize("sink", ["file", NOBODY])
def test_usage_is_summed_by_day_caller_and_model(asectl, start, tmp_path, sink):
    folder = tmp_path / "usage"
    loader = start(METERED, config={"metering": {"folder": str(folder), "sink": sink}})
    for _ in range(3):
        loader.web.raw_mode(b"one two")
    loader.web.raw_mode(b"x", service="unknown")
    if sink == "file":
        loader.wait_metric("aiges_usage_waiting", 0)
    today = str(datetime.datetime.now(datetime.timezone.utc).date())
    (total,) = asectl("usage", folder, "--json").json["totals"]
    assert total["day"] >= today and (total["caller"], total["model"]) == ("", "svcName")
    assert (total["calls"], total["failed"], total["bytes_in"], total["bytes_out"]) == (
        3,
        0,
        21,
        21,
    )
    assert total["meters"] == {"words": 6} and total["engine_ms"] > 0
    (same,) = asectl("usage", loader.http, "--json").json["totals"]
    assert same == total
    assert "words=6" in asectl("usage", folder, "--since", "7d").out
    assert "no usage yet" in asectl("usage", folder, "--since", "2999-01-01").out


def test_what_is_no_folder_of_usage_is_said(asectl, tmp_path):
    said = asectl("usage", tmp_path, code=1)
    assert "expected a folder of [metering]" in said.all
    said = asectl("usage", tmp_path, "--since", "yesterday", code=1)
    assert "expected a day as 2026-01-31" in said.all
