# SPDX-License-Identifier: Apache-2.0
"""How many retries are allowed, and how long pauses between tries are."""

import random

import pytest
from aiges.balance import RetryBudget
from aiges.balance.backoff import Backoff
from balance_fakes import FakeClock


@pytest.fixture
def clock():
    return FakeClock()


def taken(budget, wanted=1000):
    return sum(budget.take() for _ in range(wanted))


def test_ten_retries_per_second_are_free(clock):
    budget = RetryBudget(clock=clock)
    assert taken(budget) == 10
    clock.pass_s(0.5)
    assert taken(budget) == 5
    clock.pass_s(3600)
    assert taken(budget) == 10


def test_a_fifth_of_the_calls_may_be_retried(clock):
    budget = RetryBudget(least_per_s=0, clock=clock)
    for _ in range(100):
        budget.called()
    assert taken(budget) == pytest.approx(20, abs=1)
    assert taken(budget) == 0


def test_a_service_that_refuses_everything_gets_a_fifth_more_calls(clock):
    budget = RetryBudget(least_per_s=10, clock=clock)
    retries = 0
    for _ in range(10_000):  # 1000 calls a second, each refused.
        budget.called()
        retries += budget.take()
        clock.pass_s(0.001)
    assert retries == pytest.approx(10_000 * 0.2 + 10 * 10, rel=0.05)


def test_what_calls_earned_is_lost_with_time(clock):
    budget = RetryBudget(least_per_s=0, clock=clock)
    for _ in range(1000):
        budget.called()
    clock.pass_s(60)
    assert taken(budget) == 0


def test_a_clock_that_goes_back_takes_nothing(clock):
    budget = RetryBudget(clock=clock)
    clock.pass_s(-5)
    assert taken(budget) == 10


def test_pauses_grow_to_their_limit_and_differ():
    pauses = Backoff(0.2, 10.0, random.Random(1))
    got = [pauses.next_s() for _ in range(10)]
    wholes = [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10, 10, 10]
    assert all(whole / 2 <= pause <= whole for pause, whole in zip(got, wholes))
    assert len(set(got)) == 10
    pauses.reset()
    assert pauses.next_s() <= 0.2
