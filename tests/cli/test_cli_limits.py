# SPDX-License-Identifier: Apache-2.0
"""asectl limits: who has how much left."""

from pathlib import Path

METERED = Path(__file__).resolve().parents[2] / "docs" / "examples" / "metered"


def test_limits_shows_who_has_least_left(asectl, start, tmp_path):
    file = tmp_path / "limits"
    file.write_text("* * calls=2/1h words=100/1h\n")
    loader = start(METERED, config={"access": {"limits_file": str(file)}})
    empty = asectl("limits", loader.http)
    assert "1 line of" in empty.out and "nobody has used anything" in empty.out
    for _ in range(3):
        loader.web.raw_mode(b"one two")
    said = asectl("limits", loader.http)
    assert "refused: 1 x calls" in said.out
    rows = [line.split() for line in said.out.splitlines()[3:]]
    assert rows[0][:6] == ["-", "*", "calls=2/1h", "0", "of", "2"]
    assert rows[1][:6] == ["-", "*", "words=100/1h", "96", "of", "100"]
    told = asectl("limits", loader.http, "--json").json
    assert (told["lines"], told["refused"]["calls"], told["states"][0]["left"]) == (1, 1, 0)
    file.write_text("nonsense\n")
    loader.wait_metric("aiges_limit_file_refused", 1)
    assert "not in force: [access] limits_file" in asectl("limits", loader.http).out


def test_a_loader_without_a_file_says_so(asectl, start):
    loader = start(METERED)
    assert "no [access] limits_file" in asectl("limits", loader.http, code=1).all
