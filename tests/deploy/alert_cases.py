# SPDX-License-Identifier: Apache-2.0
"""For each alert of deploy/prometheus/alerts.yml: series under which it fires, and a healthy host.

Series are written as promtool has them: `1+2x30` is 31 values a minute apart, each 2 more.
"""

HOST = 'job="aiges",instance="host"'
LONG = 90  # Minutes: the longest `for`, and room.
DAY = 86400


def steady(name, value, labels=""):
    """A series that has one value for all the time."""
    return f"{name}{{{HOST}{labels}}}", f"{value}x{LONG}"


def growing(name, each_minute, labels=""):
    """A counter."""
    return f"{name}{{{HOST}{labels}}}", f"0+{each_minute}x{LONG}"


def code(number):
    return f',code="{number}"'


def spans(outcome):
    return f',outcome="{outcome}"'


def waits(bound):
    return f',stage="queue",le="{bound}"'


REQUESTS = growing("aiges_requests_total", 600, code(0))

# What a host shows that has nothing to tell.
HEALTHY = [
    steady("up", 1),
    steady("aiges_ready", 1),
    steady("aiges_ready", 0, ',model="idle",version="1"'),
    steady("aiges_host_ready", 1),
    steady("aiges_model_state", 1, ',model="words",version="1",state="ready"'),
    steady("aiges_instances", 0, ',state="backoff"'),
    growing("aiges_instance_restarts_total", 0.01),
    REQUESTS,
    growing("aiges_requests_total", 3, code(10107)),
    growing("aiges_requests_total", 3, code(10102)),
    growing("aiges_latency_seconds_bucket", 600, waits(0.1)),
    growing("aiges_latency_seconds_bucket", 600, waits("+Inf")),
    steady("aiges_in_flight", 12),
    steady("aiges_licences", 64),
    steady("aiges_budget_used", 10, ',limit="max_connections"'),
    steady("aiges_budget_limit", 4096, ',limit="max_connections"'),
    growing("aiges_sessions_total", 60),
    growing("aiges_session_failures_total", 1, code(10109)),
    growing("aiges_results_dropped_total", 6),
    steady("aiges_replays_total", 4),
    steady("aiges_registry_connected", 1),
    steady("aiges_registry_registered", 1),
    steady("aiges_config_refused", 0),
    steady("aiges_config_info", 1, ',revision="1"'),
    steady("aiges_config_cached", 0),
    steady("aiges_config_restart_keys", 0),
    growing("aiges_usage_records_total", 600),
    growing("aiges_usage_delivered_total", 600),
    # An answer of the sink that got lost now and then.
    growing("aiges_usage_sink_failures_total", 0.1),
    steady("aiges_usage_dropped_total", 3),
    steady("aiges_usage_refused_calls_total", 2),
    steady("aiges_usage_dead_letters_total", 1),
    steady("aiges_usage_disk_failures_total", 1),
    steady("aiges_usage_waiting", 300),
    steady("aiges_usage_bytes", 8 << 20),
    steady("aiges_usage_max_bytes", 1 << 30),
    steady("aiges_entitlement_seconds_left", 15 * DAY),
    steady("aiges_entitlement_valid", 1),
    steady("aiges_entitlement_refused_total", 5),
    growing("aiges_spans_total", 60, spans("sent")),
    growing("aiges_spans_total", 0.1, spans("dropped")),
    steady("aiges_spans_total", 40, spans("rejected")),
]

# Alert: its series, and after how many minutes it fires.
FIRING = {
    "AigesDown": ([steady("up", 0)], 5),
    "AigesNotReady": ([steady("aiges_ready", 0)], 15),
    "AigesModelFailed": ([steady("aiges_model_state", 1, ',model="words",state="failed"')], 10),
    "AigesWorkersDie": ([steady("aiges_instances", 1, ',state="backoff"')], 10),
    "AigesWorkersRestart": ([growing("aiges_instance_restarts_total", 1)], 20),
    "AigesCallsFail": ([REQUESTS, growing("aiges_requests_total", 60, code(10909))], 15),
    "AigesCallsRefused": ([REQUESTS, growing("aiges_requests_total", 60, code(10110))], 15),
    "AigesCallsLate": ([REQUESTS, growing("aiges_requests_total", 60, code(10102))], 15),
    "AigesQueueSlow": (
        [
            growing("aiges_latency_seconds_bucket", 500, waits(0.5)),
            growing("aiges_latency_seconds_bucket", 600, waits(2)),
            growing("aiges_latency_seconds_bucket", 600, waits("+Inf")),
        ],
        20,
    ),
    "AigesAlmostFull": ([steady("aiges_in_flight", 60), steady("aiges_licences", 64)], 10),
    "AigesBudgetFull": (
        [
            steady("aiges_budget_used", 95, ',limit="max_input_bytes"'),
            steady("aiges_budget_limit", 100, ',limit="max_input_bytes"'),
        ],
        10,
    ),
    "AigesSessionsFail": (
        [
            growing("aiges_sessions_total", 60),
            growing("aiges_session_failures_total", 6, code(10908)),
        ],
        15,
    ),
    "AigesResultsLate": ([REQUESTS, growing("aiges_results_dropped_total", 100)], 40),
    "AigesReplays": ([growing("aiges_replays_total", 1)], 20),
    "AigesRegistryAway": ([steady("aiges_registry_connected", 0)], 10),
    "AigesNotRegistered": (
        [steady("aiges_registry_registered", 0), steady("aiges_ready", 1)],
        5,
    ),
    "AigesConfigRefused": ([steady("aiges_config_refused", 1)], 10),
    "AigesConfigDiffers": (
        [
            ('aiges_config_info{job="aiges",instance="a",revision="1"}', f"1x{LONG}"),
            ('aiges_config_info{job="aiges",instance="b",revision="2"}', f"1x{LONG}"),
        ],
        40,
    ),
    "AigesConfigFromCache": ([steady("aiges_config_cached", 1)], 15),
    "AigesConfigWaits": ([steady("aiges_config_restart_keys", 2)], LONG - 5),
    "AigesUsageLost": ([growing("aiges_usage_dropped_total", 1)], 20),
    "AigesUsageRefuses": ([growing("aiges_usage_refused_calls_total", 1)], 10),
    "AigesUsageAlmostFull": (
        [steady("aiges_usage_bytes", 900 << 20), steady("aiges_usage_max_bytes", 1 << 30)],
        10,
    ),
    "AigesUsageSinkFails": (
        [growing("aiges_usage_sink_failures_total", 1), steady("aiges_usage_delivered_total", 9)],
        20,
    ),
    "AigesUsageDeadLetters": ([growing("aiges_usage_dead_letters_total", 1)], 20),
    "AigesUsageDisk": ([growing("aiges_usage_disk_failures_total", 1)], 20),
    "AigesEntitlementEnds": ([steady("aiges_entitlement_seconds_left", 13 * DAY)], 10),
    "AigesEntitlementEndsSoon": (
        # In its days of grace.
        [steady("aiges_entitlement_seconds_left", -DAY), steady("aiges_entitlement_valid", 1)],
        10,
    ),
    "AigesEntitlementInvalid": (
        [steady("aiges_entitlement_seconds_left", -DAY), steady("aiges_entitlement_valid", 0)],
        5,
    ),
    "AigesEntitlementRefuses": (
        [growing("aiges_entitlement_refused_total", 1), steady("aiges_entitlement_valid", 1)],
        20,
    ),
    "AigesLimitsRefused": ([steady("aiges_limit_file_refused", 1)], 10),
    "AigesAuditLost": ([growing("aiges_audit_lost_total", 1)], 20),
    "AigesSpansLost": (
        [
            growing("aiges_spans_total", 60, spans("sent")),
            growing("aiges_spans_total", 6, spans("dropped")),
        ],
        40,
    ),
}


def promtool_tests(rules):
    """The document of `promtool test rules`: each alert fires, and none of a healthy host."""
    tests = [_test(HEALTHY, 'ALERTS{alertstate="firing"}', LONG - 5, 0)]
    for name, (series, minutes) in FIRING.items():
        tests.append(_test(series, f'ALERTS{{alertname="{name}",alertstate="firing"}}', minutes, 1))
    return {"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": tests}


def _test(series, alerts, minutes, count):
    expected = [{"labels": "{}", "value": count}] if count else []
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series],
        "promql_expr_test": [
            {"expr": f"count({alerts})", "eval_time": f"{minutes}m", "exp_samples": expected}
        ],
    }
