# SPDX-License-Identifier: Apache-2.0
"""Time that a test moves, and short ways to say what discovery says."""

from aiges.balance import Endpoint, Listed, Snapshot, Standing

READY, NOT_READY, DOUBTED = Standing.READY, Standing.NOT_READY, Standing.DOUBTED


class FakeClock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now

    def pass_s(self, seconds):
        self.now += seconds


def address(name):
    return f"{name}:1"


def listed(name, standing=READY, weight=1):
    return Listed(Endpoint(address(name), weight), standing)


def snapshot(*items, final=False):
    """Each item is a name (ready), or a pair of name and standing."""
    found = [listed(*item) if isinstance(item, tuple) else listed(item) for item in items]
    return Snapshot(tuple(found), final)


def names(picker):
    return sorted(endpoint.address.partition(":")[0] for endpoint in picker.endpoints())
