# SPDX-License-Identifier: Apache-2.0
"""asectl services: the load of each loader, from real loaders in a real Consul."""

import socket
import threading
import time
import uuid

from waiting import wait_until

MUTE = 9
ENGINE = """
import time

def wrapperInit(config):
    return 0

def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    time.sleep(float(params.get("sleep", "0")))
    respData.append({"key": "a", "data": b"x", "len": 1, "status": 3, "type": 0})
    return 0
"""


def registered(start, service, consul):
    config = {
        service: {"finder": 1},
        "registry": {"url": consul.http},
        "instances": {"threads": 1},  # Calls are to wait behind the one that sleeps.
    }
    return start(ENGINE, service=service, config=config)


def test_services_shows_the_load_of_each(asectl, consul, start):
    service = f"svc{uuid.uuid4().hex[:8]}"
    busy, idle = (registered(start, service, consul) for _ in range(2))
    # One that is gone, and some that take the connection and say nothing.
    consul.register(service, "127.0.0.1:1", Meta={"http_port": "1"})
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        for number in range(2, 2 + MUTE):
            consul.register(service, f"127.0.0.1:{number}", Meta={"http_port": str(port)})

        def look():
            found = asectl("services", service, "-a", consul.http, "--json").json
            return {each["address"]: each for each in found}

        def in_hand(count):
            def seen():
                found = look()
                return found if found.get(busy.grpc, {}).get("in_hand") == count else None

            return wait_until(seen, f"{count} calls in hand", 40)

        def call(**params):
            payload = busy.xsf.payload("a", b"x")
            return busy.xsf.begin(payload, params=params, wait_ms="300000", timeout_s=300)

        calls = [call(sleep="300")]
        try:
            in_hand(1)  # The others must come after it.
            calls += [call() for _ in range(3)]
            found = in_hand(4)
            loaded = found[busy.grpc]
            assert loaded["licences"] == 1024
            assert loaded["queue"] in (2, 3)  # The worker may have one in advance.
            assert found[idle.grpc]["in_hand"] == found[idle.grpc]["queue"] == 0
            assert found[idle.grpc]["rate_per_s"] == 0
            for address, http in (("127.0.0.1:1", 1), ("127.0.0.1:2", port)):
                silent = found[address]
                assert silent["http"] == f"127.0.0.1:{http}"
                assert silent["in_hand"] is silent["queue"] is silent["rate_per_s"] is None
            begin = time.monotonic()
            text = asectl("services", service, "-a", consul.http).out
            assert time.monotonic() - begin < MUTE - 1  # A second for all of them together.
        finally:
            for each in calls:
                each.cancel()
    head, *rows = [line.split() for line in text.splitlines()]
    assert " ".join(head) == "service grpc http health in hand queue rate tags tells"
    by_address = {row[1]: row for row in rows}
    assert by_address[busy.grpc][4] == "4/1024"
    assert by_address[idle.grpc][4:7] == ["0/1024", "0", "0.0/s"]
    assert by_address["127.0.0.1:2"][4:7] == ["-", "-", "-"]


def test_services_shows_the_rate(asectl, consul, start):
    service = f"svc{uuid.uuid4().hex[:8]}"
    loader, over = registered(start, service, consul), threading.Event()

    def load():
        while not over.is_set():
            loader.xsf.once(loader.xsf.payload("a", b"x"))
            time.sleep(0.01)

    def rate():
        found = asectl("services", service, "-a", consul.http, "--json").json
        return found and found[0]["rate_per_s"]

    thread = threading.Thread(target=load)
    thread.start()
    try:
        wait_until(lambda: (rate() or 0) > 5, "a rate", 30)
    finally:
        over.set()
        thread.join()


def test_a_consul_that_is_not_there_is_told_in_a_sentence(asectl):
    said = asectl("services", "--agent", "http://127.0.0.1:1", code=1)
    assert said.err.strip().endswith("http://127.0.0.1:1: Connection refused (is Consul there?)")
