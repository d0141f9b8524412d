# SPDX-License-Identifier: Apache-2.0
"""What usage records cost: calls/s of an echo with [metering], over the same without."""

import tempfile

from processes import Loader
from report import Row
from rows import BENCH, alternate

LENGTH, IN_FLIGHT = 256, (32, 128)
RATIO = 0.95


def metering_rows(settings):
    """calls/s of a Python echo by gRPC and raw body with usage records, over without"""
    with tempfile.TemporaryDirectory(prefix="aiges-usage-") as folder:
        sections = {"metering": {"folder": folder, "on_full": "drop"}}
        with Loader(settings.binaries, BENCH / "echo") as plain:
            with Loader(settings.binaries, BENCH / "echo", sections=sections) as metered:
                for protocol in ("xsf", "raw"):
                    for in_flight in IN_FLIGHT:
                        yield metered_row(settings, protocol, in_flight, plain, metered)


def metered_row(settings, protocol, in_flight, plain, metered):
    addresses = [each.grpc if protocol == "xsf" else each.http for each in (plain, metered)]
    sides = tuple((protocol, address) for address in addresses)
    without, with_records = alternate(settings, sides, in_flight, LENGTH, check_first=True)
    told = metered.metrics()
    fields = {
        "in_flight": in_flight,
        "bytes": LENGTH,
        **with_records,
        **{f"plain_{field}": value for field, value in without.items()},
        "ratio": round(with_records["calls_per_s"] / without["calls_per_s"], 4),
        "target_ratio": RATIO,
        "records": told["aiges_usage_records_total"],
        "dropped": told["aiges_usage_dropped_total"],
    }
    shown = f"{fields['ratio']:.1%} of without, {fields['dropped']:.0f} records dropped"
    met = fields["ratio"] >= RATIO and fields["dropped"] == 0
    return Row(f"metering_{protocol}_{in_flight}", shown, f">= {RATIO:.0%}", met, fields)
