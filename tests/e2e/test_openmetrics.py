# SPDX-License-Identifier: Apache-2.0
"""/metrics as OpenMetrics: what Prometheus asks for first, with exemplars that lead to traces."""

import pytest
from collector import Collector
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_string_to_metric_families as text_families

# As Prometheus 2.53 asks.
ACCEPT = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def open_page(loader):
    answer = loader.web.request("GET", "/metrics", headers={"Accept": ACCEPT})
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    text = answer.body.decode()
    assert text.endswith("# EOF\n")
    return list(text_string_to_metric_families(text))


def samples(families):
    found = {}
    for family in families:
        for sample in family.samples:
            # The two forms write the bound of a bucket differently.
            labels = {k: float(v) if k == "le" else v for k, v in sample.labels.items()}
            found[sample.name, tuple(sorted(labels.items()))] = sample.value
    return found


@pytest.fixture
def collector():
    made = Collector()
    yield made
    made.close()


def test_both_forms_say_the_same(start, toolbox):
    loader = start(toolbox, config={"instances": {"count": 2}})
    loader.wait_metric("aiges_instances", 2, state="ready")
    for _ in range(5):
        assert loader.web.raw_mode(b"x").status == 200
    plain = samples(text_families(loader.web.get("/metrics").body.decode()))
    opened = samples(open_page(loader))
    changing = ("aiges_budget_used", "aiges_budget_limit")
    assert {k: v for k, v in plain.items() if k[0] not in changing} == {
        k: v for k, v in opened.items() if k[0] not in changing
    }
    assert opened["aiges_requests_total", (("code", "0"),)] == 5


def test_sampled_calls_are_exemplars_and_others_are_not(start, toolbox, collector):
    loader = start(toolbox, config={"otlp": {"endpoint": collector.endpoint}})

    def exemplars():
        (family,) = [f for f in open_page(loader) if f.name == "aiges_latency_seconds"]
        return [s for s in family.samples if s.exemplar is not None]

    loader.web.raw_mode(b"x", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-00"})
    assert exemplars() == []
    loader.web.raw_mode(b"x", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    (sample,) = exemplars()
    assert sample.labels["stage"] == "total"
    assert sample.exemplar.labels == {"trace_id": TRACE}
    assert 0 < sample.exemplar.value <= float(sample.labels["le"])
    assert "trace_id" not in loader.web.get("/metrics").body.decode()
