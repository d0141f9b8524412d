# SPDX-License-Identifier: Apache-2.0
"""[instances] gpus, cpus and numa, with a driver that is a library of tests/engine."""

import os
import shutil
import signal
from pathlib import Path

import pytest
from loader_process import Loader
from test_metering import wait_events
from waiting import wait_until

ECHO = """
def wrapperOnceExec(usrTag, params, reqData, respData, psrIds, psrCnt):
    return 0
"""
SLOW_ECHO = "import time\n" + ECHO.replace("return 0", "time.sleep(0.005); return 0")
GPUS = "GPU-1111 00000000:17:00.0\nGPU-2222 00000000:65:00.0\n"


@pytest.fixture
def driver(binaries, tmp_path):
    """The environment of a machine with two GPUs."""
    library = binaries.loader.parent / "libtest_nvml.so"
    folder = tmp_path / "driver"
    folder.mkdir()
    shutil.copy(library, folder / "libnvidia-ml.so.1")
    return {"LD_LIBRARY_PATH": str(folder), "AIGES_TEST_GPUS": GPUS}


def variables(pid):
    entries = Path("/proc", str(pid), "environ").read_bytes().split(b"\0")
    return dict(entry.decode().split("=", 1) for entry in entries if b"=" in entry)


def visible(loader):
    """What each worker sees, sorted; None while one ends."""
    try:
        return sorted(variables(pid).get("CUDA_VISIBLE_DEVICES", "-") for pid in loader.workers())
    except OSError:
        return None


def wait_visible(loader, expected):
    wait_until(lambda: visible(loader) == expected, f"workers that see {expected}", 20)


def device(loader, **labels):
    return loader.metric("aiges_instance_device_info", **labels)


def test_devices_of_a_list_go_round_and_stay(start, driver):
    instances = {"count": 2, "gpus": ["0", "GPU-2222"]}
    loader = start(ECHO, config={"instances": instances}, env=driver)
    loader.wait_metric("aiges_instances", 2, state="ready")
    assert visible(loader) == ["0", "GPU-2222"]
    for pid in loader.workers():
        assert variables(pid)["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    assert device(loader, worker="0", index="0", uuid="GPU-1111", bus="0000:17:00.0") == 1
    assert device(loader, worker="1", index="1", uuid="GPU-2222", bus="0000:65:00.0") == 1
    (first,) = [pid for pid in loader.workers() if "0" == variables(pid)["CUDA_VISIBLE_DEVICES"]]
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: first not in loader.workers(), "the end of the worker", 20)
    wait_visible(loader, ["0", "GPU-2222"])
    loader.wait_metric("aiges_instances", 2, state="ready", timeout_s=20)
    assert loader.web.request("POST", "/admin/reload", b"").status == 200
    wait_visible(loader, ["0", "GPU-2222"])


def test_one_gpu_for_each_instance(start, driver):
    instances = {"count": 3, "gpus": "per_instance"}
    loader = start(ECHO, config={"instances": instances}, env=driver)
    loader.wait_metric("aiges_instances", 3, state="ready")
    assert visible(loader) == ["GPU-1111", "GPU-1111", "GPU-2222"]


def test_usage_records_have_the_time_of_all_gpus_of_the_instance(start, driver, tmp_path):
    usage = tmp_path / "usage"
    config = {"instances": {"gpus": ["0,1"]}, "metering": {"folder": str(usage)}}
    loader = start(SLOW_ECHO, config=config, env=driver)
    loader.web.raw_mode(b"x")
    (event,) = wait_events(usage, 1)
    assert event["data"]["engine_ms"] >= 5
    assert event["data"]["gpu_ms"] == 2 * event["data"]["engine_ms"]


def test_without_the_key_all_is_as_the_loader_has_it(start, driver):
    loader = start(ECHO, env={**driver, "CUDA_VISIBLE_DEVICES": "1"})
    assert visible(loader) == ["1"]
    assert "aiges_instance_device_info" not in loader.web.get("/metrics").body.decode()


@pytest.mark.parametrize(
    "keys, why",
    [
        ({"gpus": "7"}, "[instances] gpus: no GPU 7, there are 0 (GPU-1111), 1 (GPU-2222)"),
        ({"numa": "900"}, "[instances] numa: no node 900 on this machine"),
        ({"cpus": "4000"}, "[instances] cpus: cannot run on 4000: Invalid argument"),
    ],
)
def test_what_is_not_there_fails_the_start(binaries, tmp_path, driver, keys, why):
    loader = Loader(binaries, tmp_path / "loader", ECHO, config={"instances": keys}, env=driver)
    loader.start(ready=False)
    assert loader.wait_exit() == 1
    assert why in loader.log_path.read_text(encoding="utf-8")
    loader.kill()


def test_cpus_of_an_instance(start):
    cpu = str(min(os.sched_getaffinity(0)))
    loader = start(ECHO, config={"instances": {"cpus": cpu}})
    (worker,) = loader.workers()
    assert os.sched_getaffinity(worker) == {int(cpu)}
    assert variables(worker)["OMP_NUM_THREADS"] == os.environ.get("OMP_NUM_THREADS", "1")
