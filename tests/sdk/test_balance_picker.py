# SPDX-License-Identifier: Apache-2.0
"""Which endpoint a call gets: fairness, what discovery says, what failures do. No sleep."""

import collections
import random
import threading
import timeit

import pytest
from aiges.balance import Endpoint, Listed, Outcome, Picker, Snapshot
from balance_fakes import DOUBTED, NOT_READY, FakeClock, address, listed, names, snapshot

OK, FAILED, REFUSED, UNKNOWN = Outcome.OK, Outcome.FAILED, Outcome.REFUSED, Outcome.UNKNOWN


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def gone():
    return []


@pytest.fixture
def picker(clock, gone):
    return Picker(
        clock=clock, chance=random.Random(7), on_gone=lambda endpoint: gone.append(endpoint.address)
    )


def call(picker, name, outcome):
    """One call on that endpoint, whatever else there is."""
    others = {address(other) for other in names(picker)} - {address(name)}
    lease = picker.pick(exclude=others)
    assert lease is not None, f"{name} gets no calls"
    lease.done(outcome)


def shares(picker, calls):
    got = collections.Counter()
    for _ in range(calls):
        lease = picker.pick()
        got[lease.endpoint.address.partition(":")[0]] += 1
        lease.done(OK)
    return {name: count / calls for name, count in got.items()}


def test_nothing_is_picked_before_the_first_snapshot(picker):
    assert picker.pick() is None


def test_one_call_at_a_time_is_spread_by_weight(picker):
    picker.update(Snapshot((listed("a", weight=1), listed("b", weight=2), listed("c", weight=5))))
    got = shares(picker, 20_000)
    assert got == pytest.approx({"a": 1 / 8, "b": 2 / 8, "c": 5 / 8}, abs=0.02)


def test_calls_in_flight_are_spread_by_weight(picker):
    picker.update(Snapshot((listed("a", weight=1), listed("b", weight=3))))
    held = collections.Counter(picker.pick().endpoint.address for _ in range(400))
    assert held[address("b")] == pytest.approx(300, abs=12)


def test_held_calls_over_many_endpoints_stay_close_together(picker):
    picker.update(snapshot(*(f"n{number}" for number in range(50))))
    held = collections.Counter(picker.pick().endpoint.address for _ in range(5000))
    assert len(held) == 50
    assert max(held.values()) - min(held.values()) <= 8


def test_a_slow_endpoint_gets_fewer_calls(picker):
    picker.update(snapshot("slow", "fast"))
    stuck = [picker.pick(exclude={address("fast")}) for _ in range(10)]
    assert shares(picker, 1000).get("slow", 0) < 0.3
    for lease in stuck:
        lease.done(OK)
    assert shares(picker, 4000)["slow"] == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("count", [2, 3, 16])
def test_among_few_the_least_busy_is_always_found(picker, count):
    """Two drawn by chance miss the only idle one of 16 seven times in eight."""
    picker.update(snapshot(*(f"n{number}" for number in range(count))))
    for _ in range(200):
        leases = [picker.pick() for _ in range(count)]
        assert len({lease.endpoint.address for lease in leases}) == count
        for lease in leases:
            lease.done(OK)


def test_among_few_calls_in_flight_are_exactly_as_the_weights_say(picker):
    weights = {"a": 1, "b": 2, "c": 5}
    picker.update(Snapshot(tuple(listed(name, weight=w) for name, w in weights.items())))
    held = collections.Counter(picker.pick().endpoint.address for _ in range(800))
    assert held == {address(name): 100 * weight for name, weight in weights.items()}


def test_among_many_two_are_drawn(picker):
    names = [f"n{number}" for number in range(17)]
    picker.update(snapshot(*names))
    everyone = {address(name) for name in names}
    for busy in everyone - {address("n0")}:
        picker.pick(exclude=everyone - {busy})
    assert shares(picker, 2000)["n0"] == pytest.approx(2 / 17, abs=0.03)


def test_among_few_a_full_one_is_taken_only_if_all_others_are(picker):
    picker.update(snapshot("a", "b", "c"))
    call(picker, "a", REFUSED)
    call(picker, "b", REFUSED)
    held = [picker.pick() for _ in range(50)]
    assert {lease.endpoint.address for lease in held} == {address("c")}
    assert picker.pick(exclude={address("c")}).endpoint.address in (address("a"), address("b"))


def test_excluded_and_ejected_endpoints_are_not_scanned(picker):
    picker.update(snapshot("a", "b", "c", "d"))
    for _ in range(3):
        call(picker, "a", FAILED)
    got = {picker.pick(exclude={address("b")}).endpoint.address for _ in range(50)}
    assert got == {address("c"), address("d")}


def test_an_endpoint_that_refused_is_avoided_for_a_moment(picker, clock):
    picker.update(snapshot("a", "b", "c"))
    call(picker, "a", REFUSED)
    assert shares(picker, 500).get("a", 0) == 0
    clock.pass_s(0.11)
    assert shares(picker, 500)["a"] == pytest.approx(1 / 3, abs=0.1)


def test_when_all_refused_each_is_tried_again(picker):
    picker.update(snapshot("a", "b"))
    for name in ("a", "b"):
        call(picker, name, REFUSED)
    assert picker.pick() is not None


def test_excluded_endpoints_are_not_picked(picker):
    picker.update(snapshot("a", "b", "c"))
    for _ in range(100):
        lease = picker.pick(exclude={address("a"), address("b")})
        assert lease.endpoint.address == address("c")
    assert picker.pick(exclude={address(name) for name in "abc"}) is None


def test_a_lease_counts_its_first_end_only(picker):
    picker.update(snapshot("a", "b"))
    lease = picker.pick()
    for _ in range(5):
        lease.done(FAILED)
    assert names(picker) == ["a", "b"]


def test_three_failures_in_a_row_eject_for_a_second(picker, clock):
    picker.update(snapshot("a", "b", "c"))
    for _ in range(2):
        call(picker, "a", FAILED)
    assert names(picker) == ["a", "b", "c"]
    call(picker, "a", FAILED)
    assert names(picker) == ["b", "c"]
    assert "a" not in shares(picker, 100)
    clock.pass_s(1.01)
    assert "a" in shares(picker, 100)


def test_a_success_between_failures_keeps_an_endpoint(picker):
    picker.update(snapshot("a", "b", "c"))
    for outcome in (FAILED, FAILED, OK, FAILED, FAILED, REFUSED, FAILED, FAILED, UNKNOWN):
        call(picker, "a", outcome)
    assert names(picker) == ["a", "b", "c"]
    call(picker, "a", FAILED)
    assert names(picker) == ["b", "c"]


def test_each_ejection_in_a_row_is_twice_as_long_up_to_thirty_seconds(picker, clock):
    picker.update(snapshot("a", "b", "c"))
    for _ in range(3):
        call(picker, "a", FAILED)
    for pause_s in (1, 2, 4, 8, 16, 30, 30):
        clock.pass_s(pause_s - 0.01)
        assert names(picker) == ["b", "c"]
        clock.pass_s(0.02)
        assert names(picker) == ["a", "b", "c"]
        call(picker, "a", FAILED)  # One is enough: it has not answered since.
    clock.pass_s(31)
    call(picker, "a", OK)
    for _ in range(3):
        call(picker, "a", FAILED)
    clock.pass_s(1.01)
    assert names(picker) == ["a", "b", "c"]


def test_an_answer_to_an_old_call_ends_an_ejection(picker):
    picker.update(snapshot("a", "b", "c"))
    early = picker.pick(exclude={address("b"), address("c")})
    for _ in range(3):
        call(picker, "a", FAILED)
    assert names(picker) == ["b", "c"]
    early.done(OK)
    assert names(picker) == ["a", "b", "c"]


def test_when_more_than_half_would_pause_none_does(picker, clock):
    picker.update(snapshot("a", "b", "c", "d"))
    for name in ("a", "b"):
        for _ in range(3):
            call(picker, name, FAILED)
    assert names(picker) == ["c", "d"]
    for _ in range(3):
        call(picker, "c", FAILED)
    assert names(picker) == ["a", "b", "c", "d"]
    clock.pass_s(1.01)
    assert names(picker) == ["a", "b", "c", "d"]


def test_a_lone_endpoint_is_never_ejected(picker):
    picker.update(snapshot("a"))
    for _ in range(10):
        call(picker, "a", FAILED)
    assert names(picker) == ["a"]


def test_a_vanished_endpoint_is_used_until_its_first_failed_call(picker, gone):
    picker.update(snapshot("a", "b"))
    picker.update(snapshot("b"))
    call(picker, "a", OK)
    assert (names(picker), gone) == (["a", "b"], [])
    call(picker, "a", FAILED)
    assert (names(picker), gone) == (["b"], [address("a")])


def test_a_registry_that_lists_nobody_takes_nobody_away(picker):
    picker.update(snapshot("a", "b"))
    picker.update(snapshot())
    assert names(picker) == ["a", "b"]


def test_a_final_list_takes_endpoints_away_at_once(picker, gone):
    picker.update(snapshot("a", "b", final=True))
    picker.update(snapshot("b", final=True))
    assert (names(picker), gone) == (["b"], [address("a")])


def test_a_doubted_endpoint_is_used_until_its_first_failed_call(picker):
    picker.update(snapshot("a", "b"))
    picker.update(snapshot(("a", DOUBTED), "b"))
    call(picker, "a", OK)
    assert names(picker) == ["a", "b"]
    call(picker, "a", FAILED)
    assert names(picker) == ["b"]
    picker.update(snapshot(("a", DOUBTED), "b"))
    assert names(picker) == ["b"]
    picker.update(snapshot("a", "b"))
    assert names(picker) == ["a", "b"]


def test_an_endpoint_that_was_never_ready_waits_for_it(picker):
    picker.update(snapshot(("new", DOUBTED), "b"))
    assert names(picker) == ["b"]
    picker.update(snapshot("new", "b"))
    assert names(picker) == ["b", "new"]


def test_doubted_endpoints_are_better_than_none(picker):
    picker.update(snapshot(("a", DOUBTED), ("b", DOUBTED), ("c", NOT_READY)))
    assert names(picker) == ["a", "b"]


def test_a_not_ready_endpoint_gets_no_call_at_once(picker, gone):
    picker.update(snapshot("a", "b"))
    picker.update(snapshot(("a", NOT_READY), "b"))
    assert (names(picker), gone) == (["b"], [])


def test_an_endpoint_that_was_not_ready_and_vanished_is_gone(picker, gone):
    picker.update(snapshot("a", "b"))
    picker.update(snapshot(("a", NOT_READY), "b"))
    picker.update(snapshot("b"))
    assert (names(picker), gone) == (["b"], [address("a")])


def test_not_ready_outlives_the_doubt_that_follows_it(picker):
    picker.update(snapshot("a", "b"))
    picker.update(snapshot(("a", NOT_READY), "b"))
    picker.update(snapshot(("a", DOUBTED), "b"))
    assert names(picker) == ["b"]


def test_an_endpoint_with_calls_is_gone_when_they_are_done(picker, gone):
    picker.update(snapshot("a"))
    first, second = picker.pick(), picker.pick()
    picker.update(snapshot(("a", NOT_READY), "b"))
    picker.update(snapshot("b"))
    first.done(OK)
    assert gone == []
    second.done(OK)
    assert gone == [address("a")]


def test_an_endpoint_that_comes_back_meanwhile_is_the_same_one(picker, gone):
    picker.update(snapshot("a", final=True))
    lease = picker.pick()
    picker.update(snapshot("b", final=True))
    picker.update(snapshot("a", "b", final=True))
    lease.done(OK)
    assert (names(picker), gone) == (["a", "b"], [])


def test_ready_again_forgets_old_failures(picker):
    picker.update(snapshot("a", "b", "c"))
    for _ in range(3):
        call(picker, "a", FAILED)
    picker.update(snapshot(("a", DOUBTED), "b", "c"))
    picker.update(snapshot("a", "b", "c"))
    assert names(picker) == ["a", "b", "c"]


def test_a_new_weight_counts_from_the_next_snapshot(picker):
    picker.update(snapshot("a", "b"))
    picker.update(Snapshot((listed("a", weight=9), listed("b", weight=1))))
    assert shares(picker, 5000)["a"] == pytest.approx(0.9, abs=0.03)


def test_threads_leave_nothing_outstanding(picker):
    picker.update(snapshot("a", "b", "c"))

    def work():
        for number in range(2000):
            picker.pick().done(FAILED if number % 5 == 0 else OK)
            if number % 100 == 0:
                picker.update(snapshot("a", ("b", DOUBTED), "c"))
                picker.update(snapshot("a", "b", "c"))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    picker.update(snapshot("d", final=True))
    assert names(picker) == ["d"]
    assert list(picker._states) == [address("d")]


def test_a_pick_among_a_thousand_takes_microseconds():
    picker = Picker()
    picker.update(Snapshot(tuple(Listed(Endpoint(f"h:{n}", 1 + n % 3)) for n in range(1, 1001))))
    best_s = min(timeit.repeat(lambda: picker.pick().done(OK), number=2000, repeat=5)) / 2000
    assert best_s < 20e-6
