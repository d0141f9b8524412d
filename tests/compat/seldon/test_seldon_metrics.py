# SPDX-License-Identifier: Apache-2.0
"""Metrics that user code reports, as Prometheus reads them."""

import os
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from loader_process import ROOT, children_of
from prometheus_client.parser import text_string_to_metric_families
from seldon_service import HERE, Service
from waiting import wait_until

PREDICT = "/api/v1.0/predictions"
ENVIRONMENT = {
    "PREDICTIVE_UNIT_ID": "unit",
    "PREDICTIVE_UNIT_IMAGE": "repo/image:1.2",
    "PREDICTOR_ID": "main",
    "PREDICTOR_LABELS": '{"version": "v3"}',
    "SELDON_DEPLOYMENT_ID": "deployed",
}
LABELS = {
    "deployment_name": "deployed",
    "seldon_deployment_name": "deployed",
    "model_name": "unit",
    "model_image": "repo/image",
    "image_name": "repo/image",
    "model_version": "1.2",
    "image_version": "1.2",
    "predictor_name": "main",
    "predictor_version": "v3",
}


@pytest.fixture(scope="module")
def service(binaries, tmp_path_factory):
    folder, source = tmp_path_factory.mktemp("counted"), HERE / "seldon_units.py"
    name = "seldon_units.Counted"
    arguments = ("--workers", "2")
    with Service(binaries, folder, name, *arguments, sources=[source], env=ENVIRONMENT) as service:
        wait_until(lambda: len(children_of(service.process.pid)) >= 2, "two instances", 30)
        yield service


def samples(service):
    status, text = service.get("/metrics", service.metrics)
    assert status == 200
    families = text_string_to_metric_families(text)
    return [sample for family in families for sample in family.samples]


def value(service, name, **labels):
    """The one value of that name whose labels have these among them; 0 where there is none."""
    found = [s for s in samples(service) if s.name == name and labels.items() <= s.labels.items()]
    assert len(found) <= 1, found
    return found[0].value if found else 0


def test_what_is_reported_adds_up_over_all_instances(service):
    before, made, pids = value(service, "answers_total"), 0, set()

    def both(_):
        service.post(PREDICT, {"data": {"ndarray": [[1]]}})
        return service.post(PREDICT, {"strData": "pid"})[1]["jsonData"]["pid"]

    with ThreadPoolExecutor(8) as pool:
        while len(pids) < 2:
            pids.update(pool.map(both, range(8)))
            made += 8
            assert made < 2000, f"expected calls in two instances, got {pids}"
    assert value(service, "answers_total") == before + made
    assert value(service, "calls_total", method="predict") == 2 * (before + 2 * made)
    assert value(service, "level", method="predict") == 7.5
    assert value(service, "own_things_total") == value(service, "answers_total")


def test_series_have_the_labels_that_dashboards_ask_for(service):
    service.post(PREDICT, {"data": {"ndarray": [[1]]}})
    expected = {**LABELS, "method": "predict", "worker_id": "0"}
    assert expected in [s.labels for s in samples(service) if s.name == "calls_total"]
    assert value(service, "tagged_total", colour="red", method="predict") > 0


def test_timers_are_histograms_in_seconds(service):
    service.post("/transform-input", {"data": {"ndarray": [[1]]}})
    label = {"method": "inputtransform"}
    count = value(service, "took_count", **label)
    assert count >= 1
    assert value(service, "took_sum", **label) == pytest.approx(0.0202 * count)
    buckets = {
        s.labels["le"]: s.value
        for s in samples(service)
        if s.name == "took_bucket" and s.labels["method"] == "inputtransform"
    }
    assert len(buckets) == 51 and buckets["+Inf"] == count
    below = [v for le, v in buckets.items() if float(le) < 0.0202]
    above = [v for le, v in buckets.items() if float(le) > 0.0202]
    assert set(below) == {0} and set(above) == {count}


def test_rewards_are_counted(service):
    feedback = {"request": {"data": {"ndarray": [[1]]}}, "reward": 0.5}
    for path in ("/send-feedback", "/api/v1.0/feedback"):
        assert service.post(path, feedback)[0] == 200
    assert service.post("/send-feedback", {**feedback, "reward": 0})[0] == 200
    assert value(service, "seldon_api_model_feedback_total") == 2
    assert value(service, "seldon_api_model_feedback_reward_total") == 1.0


def test_hosts_own_metrics_stay_where_they_are(service):
    names = {s.name for s in samples(service)}
    assert not any(name.startswith("aiges_") for name in names)
    assert "aiges_" in service.get("/-/metrics")[1]


def test_what_a_dead_instance_has_counted_stays_counted(service):
    before = value(service, "answers_total")
    pid = service.post(PREDICT, {"strData": "pid"})[1]["jsonData"]["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: pid not in children_of(service.process.pid), "its end", 20)
    wait_until(lambda: value(service, "answers_total") == before, "the sum", 20)
    service.post(PREDICT, {"data": {"ndarray": [[1]]}})
    assert value(service, "answers_total") == before + 1


def test_answers_may_leave_metrics_out(serve):
    env = {
        "INCLUDE_METRICS_IN_CLIENT_RESPONSE": "false",
        "PREDICTIVE_UNIT_METRICS_ENDPOINT": "/own",
    }
    service = serve("seldon_units.Counted", sources=[HERE / "seldon_units.py"], env=env)
    assert service.post(PREDICT, {"data": {"ndarray": [[1]]}})[1]["meta"] == {}
    assert "calls_total" in service.get("/own", service.metrics)[1]


def reload(service):
    """The instances that have been replaced."""
    before = set(children_of(service.process.pid))
    assert service.ask("POST", "/-/admin/reload", b"").status == 200
    wait_until(lambda: not before & set(children_of(service.process.pid)), "their end", 30)
    return before


def test_reloads_leave_no_files_behind_and_the_sums_go_on(serve):
    service = serve("seldon_units.Counted", sources=[HERE / "seldon_units.py"])
    folder = Path(
        tempfile.gettempdir(), f"aiges-seldon-metrics-{os.getuid()}-{service.process.pid}"
    )
    pids, files = set(), []
    for made in range(1, 7):
        assert service.post(PREDICT, {"data": {"ndarray": [[1]]}})[0] == 200
        assert value(service, "answers_total") == value(service, "own_things_total") == made
        assert value(service, "took_count") == value(service, "late_total", colour="late") == made
        files.append(len(list(folder.iterdir())))
        pids |= reload(service)
    assert len(pids) >= 6 and files[-1] == files[2], files


FORKS = """
import os, sys
from aiges.contracts.seldon._metrics import SeldonMetrics, create_counter
import prometheus_client
metrics = SeldonMetrics()
metrics.update([create_counter("k", 1)], "m")
live = prometheus_client.Gauge("live", "Of the living.", multiprocess_mode="livesum")
live.set(5)
if not os.fork():
    for _ in range(100):
        metrics.update([create_counter("k", 1)], "m")
    os._exit(0)
for _ in range(100):
    metrics.update([create_counter("k", 1)], "m")
os.wait()
print(metrics.generate_metrics()[0].decode())
"""


def test_processes_that_live_together_count_in_files_of_their_own(tmp_path):
    env = {**os.environ, "PYTHONPATH": str(ROOT / "sdk"), "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for total in (201, 402):  # Who comes later goes on with both files.
        done = subprocess.run(
            [sys.executable, "-c", FORKS], env=env, capture_output=True, text=True, timeout=60
        )
        assert f'k_total{{method="m",worker_id="0"}} {total}.0' in done.stdout, done
        assert "\nlive 5.0" in done.stdout
    assert len(list(tmp_path.glob("counter_*.db"))) == 2
