# SPDX-License-Identifier: Apache-2.0
"""Predictors of OpenBayes as their users start them: ``python predictor.py``."""

import contextlib
import sys

import pytest
from loader_fixtures import xsf_stubs
from openbayes_served import PEERS, Predictor

sys.path[:0] = [str(PEERS), str(PEERS.parent)]  # openbayes_cases, environments


@pytest.fixture
def serve(tmp_path):
    """serve(program text, *arguments, **options): a Predictor that takes calls."""
    with contextlib.ExitStack() as started:

        def start(text, *arguments, folder=None, ready=True, **options):
            place = folder or tmp_path
            if text is not None:
                (place / "predictor.py").write_text(text, encoding="utf-8")
            predictor = Predictor(place, *arguments, **options)
            started.callback(predictor.kill)
            predictor.start(ready)
            return predictor

        yield start
