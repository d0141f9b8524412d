# SPDX-License-Identifier: Apache-2.0
"""aiges.context outside the loader, where wrapper.py is debugged."""

from aiges import context


def test_outside_the_loader_somebody_always_waits():
    assert context.usr_tag() == ""
    assert context.remaining_ms() is None
    assert context.cancelled() is False
