# SPDX-License-Identifier: Apache-2.0
"""Rates of several sides, in many short turns.

Where client, loader and worker share two cores, the rate of one loader differs by a quarter from
second to second, and two that are alike differ by a tenth in the medians of seven long runs. So
each turn is short, chance gives their order, and means are compared: a median jumps where rates
have two humps.
"""

import math
import random
import statistics

from processes import load

TURN_SECONDS, WARM_UP = 0.3, 0.1


def each_turn(settings, what, sides, seconds):
    """The side whose turn of so many seconds it is; all as long as the runs of the settings."""
    turns = math.ceil(settings.runs * settings.seconds / seconds)
    for number in range(turns):
        settings.say(f"{what}: turn {number + 1} of {turns}")
        yield from random.sample(list(sides), len(sides))


def in_turns(settings, what, sides, in_flight, length):
    """{side: its runs}, of sides {name: (protocol, address)}."""
    runs = {side: [] for side in sides}
    for side in each_turn(settings, what, sides, TURN_SECONDS):
        asked = (settings.bench_binaries, *sides[side], in_flight, length, TURN_SECONDS)
        runs[side].append(load(*asked, options=("--warmup", WARM_UP)))
    return runs


def ratio_of(ones, others):
    """Calls/s of some runs over those of others."""
    one, other = (statistics.mean(run["calls_per_s"] for run in runs) for runs in (ones, others))
    return round(one / other, 4)
