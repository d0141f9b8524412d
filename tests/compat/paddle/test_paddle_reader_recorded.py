# SPDX-License-Identifier: Apache-2.0
"""The same inputs give the numbers that paddle-serving-app 0.9.0 gave, but where docs say why not.

Recorded by tests/peers/paddle/reader_record.py. The differences: docs/compat/paddle_reader.md.
"""

import json

import pytest
from paddle_reader_answers import ANSWERS, VERSIONS, is_like
from paddle_serving_app import reader
from reader_cases import answer, cases

DIFFERENT = {
    # The original returns (None, (None, None)), or ends the process.
    "ResizeByFactor 1 300 150": {"raises": "ValueError"},
    # It returns the bare picture, which ends a DetectionSequential.
    "DetectionPadStride 0": lambda theirs: {"tuple": [theirs, _im_info(30, 47)]},
    # It looks up a tag where it means the tags: IndexError.
    "LACReader.parse_result (2, 1, 5)": {"list": ["我爱", "北"]},
}


def _im_info(height, width):
    import numpy as np
    from reader_cases import encoded

    pairs = {"im_shape": (height, width), "scale_factor": (1, 1)}
    return encoded({name: np.array(pair, np.float32) for name, pair in pairs.items()})


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """All our answers, as JSON has them."""
    folder = tmp_path_factory.mktemp("reader")
    found = {name: answer(call, reader) for name, call in cases(folder)}
    return json.loads(json.dumps(found))


@pytest.mark.parametrize("name", list(ANSWERS))
def test_the_same_inputs_give_the_original_s_numbers(ours, name):
    wanted = ANSWERS[name]
    if name in DIFFERENT:
        other = DIFFERENT[name]
        wanted = other(wanted) if callable(other) else other
    assert is_like(ours[name], wanted)


def test_every_case_was_recorded_with_that_version(ours):
    assert ours.keys() == ANSWERS.keys()
    assert DIFFERENT.keys() <= ANSWERS.keys()
    assert VERSIONS["paddle-serving-app"] == "0.9.0"
