# SPDX-License-Identifier: Apache-2.0
"""Trainings: detached, cancellable, beside each other, through reloads and to the end."""

import signal
import time

import grpc
import pytest
from aipod_host import AipodCommand
from aipod_models import TOOLBOX
from waiting import wait_until

QUICK_END = "[instances]\nlame_duck_ms = 0\n"


@pytest.fixture(scope="module")
def host(binaries, tmp_path_factory):
    """Two threads, so that two trainings would hold all of them."""
    folder = tmp_path_factory.mktemp("trainings")
    with AipodCommand(
        binaries, folder, TOOLBOX, AIPOD_RPC_MAX_WORKERS="2", AIPOD_MODEL_POOL_SIZE="0"
    ) as command:
        yield command


@pytest.fixture
def serve(binaries, tmp_path):
    """serve(config) -> a service of the test's own."""
    begun = []

    def start(config, **env):
        command = AipodCommand(binaries, tmp_path / "own", TOOLBOX, config=config, **env)
        begun.append(command.__enter__())
        return begun[0]

    yield start
    for command in begun:
        command.__exit__()


def events(command):
    return (command.folder / "events").read_text().splitlines()


def test_progress_is_seen_and_the_caller_may_leave(host):
    training = host.begin_training("a1", do="until", file="a1-go", weights=3)
    assert [entry["message"] for entry in host.call("log", "a1")] == ["begun"]
    training.cancel()
    assert host.call("predict", "a1") == 0  # Of the instance that is trained.
    (host.folder / "a1-go").touch()
    wait_until(lambda: len(host.call("log", "a1")) == 2, "the end of the training")
    wait_until(lambda: host.call("predict", "a1", do="weights") == 3, "the trained model")


def test_trainings_starve_nobody_and_more_wait_for_their_turn(host):
    first = [host.begin_training(f"b{i}", do="until", file="b-go", weights=i) for i in range(2)]
    third = host.start("train", "b2", do="until", file="b-go", weights=2)
    for _ in range(3):
        assert host.call("predict", "others") > 0
        assert host.call("log", "b0")[0]["message"] == "begun"
    assert host.call("log", "b2") == [] and not third.done()
    fourth = host.start("train", "b3")  # Is not even begun.
    wait_until(lambda: host.call("cancel", "b3")["result"], "the fourth one to wait")
    wait_until(fourth.done, "the end of the fourth one")
    assert fourth.code() == "CANCELLED" and "load b3" not in events(host)
    (host.folder / "b-go").touch()
    assert [call.result() for call in (*first, third)] == [{"trained": ""}] * 3


def test_one_training_of_a_version_at_a_time(host):
    training = host.begin_training("c1", do="until", file="c-go")
    assert host.fault("train", "c1") == (
        "FAILED_PRECONDITION",
        "version 'c1' is being trained already",
    )
    assert host.fault("initialize", "c1", a=1) == (
        "FAILED_PRECONDITION",
        "version 'c1' is being trained: cancel that, or wait for its end",
    )
    answer = host.web.request("POST", "/initialize?version=c1", b"{}")
    assert answer.status == 409
    (host.folder / "c-go").touch()
    assert training.result() == {"trained": ""}
    assert host.call("initialize", "c1", a=1) == {"result": True}


def test_cancelled_training_cleans_up_and_its_instance_goes(host):
    training = host.begin_training("d1", do="forever")
    assert host.call("predict", "d1") == 0
    assert host.call("cancel", "d1") == {"result": True}
    wait_until(training.done, "the end of the training")
    assert training.code() == "CANCELLED"
    assert training.future.details() == "the training of version 'd1' was cancelled"
    assert "cleaned up" in events(host) and "swallowed" not in events(host)
    assert host.call("cancel", "d1") == {"result": False}
    assert host.call("predict", "d1") == 1
    assert events(host)[-2:] == ["dispose d1", "load d1"]


def test_cancel_of_what_was_never_there_makes_no_file(host):
    assert host.call("cancel", "never") == {"result": False}
    assert not any("never" in str(path) for path in host.folder.rglob("*"))


def test_training_over_http_is_detached_too(host):
    connection = host.web.connect()
    connection.request(
        "POST", "/train?version=e1", b'{"do": "until", "file": "e-go", "weights": 8}'
    )
    wait_until(lambda: host.call("log", "e1"), "the begin of the training")
    connection.close()
    assert host.call("predict", "e1") == 0
    (host.folder / "e-go").touch()
    wait_until(lambda: host.call("predict", "e1", do="weights") == 8, "the trained model")


def test_reload_waits_for_a_training(serve):
    command = serve(QUICK_END)
    old = command.call("predict", do="pid")
    training = command.begin_training("r1", do="until", file="go", weights=6)
    command.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "waiting until the worker" in command.log(), "the new worker to wait")
    assert command.call("predict", do="pid") == old
    (command.folder / "go").touch()
    assert training.result() == {"trained": ""}
    wait_until(lambda: command.call("predict", do="pid") != old, "the new worker")
    assert command.call("predict", "r1", do="weights") == 6
    # It trains, too, and a further reload waits for that.
    training = command.begin_training("r2", do="until", file="go2")
    new = command.call("predict", do="pid")
    command.process.send_signal(signal.SIGHUP)
    wait_until(lambda: command.log().count("waiting until the worker") == 2, "the third worker")
    assert command.call("predict", do="pid") == new
    (command.folder / "go2").touch()
    assert training.result() == {"trained": ""}
    assert command.stop() == 0


def test_sigterm_gives_a_training_the_time_that_there_is(serve):
    command = serve(QUICK_END + "drain_ms = 20000\n")
    training = command.begin_training("s1", do="until", file="go", weights=9)
    training.cancel()  # Nobody waits for it.
    command.process.send_signal(signal.SIGTERM)
    wait_until(lambda: "draining" in command.log(), "the drain")
    (command.folder / "go").touch()
    assert command.process.wait(20) == 0
    assert (command.folder / "appdata/models/s1/weights.json").read_text() == "9"
    assert command.lines == [f"listening address: [::]:{command.port}", "RPC server shutdown"]


def test_sigterm_does_not_wait_for_ever(serve):
    command = serve(QUICK_END + "drain_ms = 1500\n")
    detached = command.begin_training("s1", do="forever")
    command.begin_training("s2", do="forever")  # Its caller waits.
    detached.cancel()
    assert command.stop() == 0
    assert "the training of version 's1' is cut off" in command.log()


def test_sigterm_ends_a_worker_that_waits_for_a_training(serve):
    command = serve(QUICK_END + "drain_ms = 1500\n")
    command.begin_training("s1", do="forever")
    command.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "waiting until the worker" in command.log(), "the new worker to wait")
    assert command.stop() == 0


def test_worker_that_dies_in_a_training_leaves_no_lock(serve):
    command = serve(QUICK_END)
    training = command.start("train", "d1", do="die")
    wait_until(training.done, "the end of the training")
    assert training.code() == "UNAVAILABLE"
    command.wait_ready()
    wait_until(lambda: quietly(command, "train", "d1", weights=7), "a further training")
    assert command.call("predict", "d1", do="weights") == 7


def quietly(command, *given, **kwargs):
    """The value, or None while no worker is ready."""
    try:
        return command.call(*given, **kwargs)
    except grpc.RpcError as fault:
        assert fault.code().name == "UNAVAILABLE", fault
        return None


def test_training_longer_than_hang_kill_ms_is_no_hang(serve):
    command = serve(QUICK_END + "hang_kill_ms = 1500\n")
    training = command.begin_training("h1", do="until", file="go", weights=1)
    predict = command.start("predict", "h2", do="wait", file="go")
    begin = time.monotonic()
    while time.monotonic() - begin < 3:  # Twice as long as a loop that stands would live.
        command.call("predict", "h1")
    (command.folder / "go").touch()
    assert training.result() == {"trained": ""} and predict.result() is False
    assert "no progress" not in command.log()


# --- Several instances.


@pytest.fixture(scope="module")
def two(binaries, tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    config = QUICK_END + "count = 2\n"
    with AipodCommand(
        binaries, folder, TOOLBOX, config=config, AIPOD_MODEL_POOL_SIZE="0"
    ) as command:
        wait_until(lambda: len(command.workers()) == 2, "two workers")
        wait_until(lambda: len(of_both(command, "pid", lambda pid: pid)) == 2, "both to serve")
        yield command


def of_both(command, version, ask, times=12):
    """What the workers answer, asked at once."""
    calls = [command.start("predict", version, do="pid") for _ in range(times)]
    return {ask(call.result()) for call in calls}


def test_initialize_is_known_to_both(two):
    for number in range(3):
        for _ in range(8):
            two.start("predict", "g1")
        two.call("initialize", "g1", lr=number)
        calls = [two.start("predict", "g1", do="info") for _ in range(12)]
        assert [call.result() for call in calls] == [{"lr": number}] * 12


def test_what_was_trained_is_known_to_both(two):
    for number in range(3):
        calls = [two.start("predict", "g2") for _ in range(8)]
        for call in calls:
            call.result()
        two.call("train", "g2", weights=number)
        calls = [two.start("predict", "g2", do="weights") for _ in range(12)]
        assert [call.result() for call in calls] == [number] * 12
    assert (two.folder / "appdata/.aiges/g2.generation").read_text() == "3\n"


def test_training_is_one_for_both_and_either_cancels_it(two):
    training = two.begin_training("g3", do="forever")
    faults = [two.start("train", "g3") for _ in range(6)]
    for call in faults:
        wait_until(call.done, "the refusal")
        assert call.code() == "FAILED_PRECONDITION"
    calls = [two.start("cancel", "g3") for _ in range(6)]
    assert {"result": True} in [call.result() for call in calls]
    wait_until(training.done, "the end of the training")
    assert training.code() == "CANCELLED"
