# SPDX-License-Identifier: Apache-2.0
"""Client-side load balancing: where the loaders are, and which one gets the next call.

It knows no protocol and needs nothing but Python (3.11; before that also ``tomli``), so that other
clients than ``aiges.client`` can use it::

    picker = Picker()
    source = open_source(parse_target("consul://svcName"))
    source.start(picker.update)
    lease = picker.pick()
    ...  # a call to lease.endpoint.address
    lease.done(Outcome.OK)
"""

from aiges.balance.budget import RetryBudget
from aiges.balance.endpoint import Endpoint, Listed, Snapshot, Standing
from aiges.balance.picker import Lease, Outcome, Picker
from aiges.balance.sources import ConsulSource, FileSource, Source, StaticSource, open_source
from aiges.balance.targets import ConsulSpec, FileSpec, Spec, StaticSpec, parse_target

__all__ = [
    "ConsulSource",
    "ConsulSpec",
    "Endpoint",
    "FileSource",
    "FileSpec",
    "Lease",
    "Listed",
    "Outcome",
    "Picker",
    "RetryBudget",
    "Snapshot",
    "Source",
    "Spec",
    "Standing",
    "StaticSource",
    "StaticSpec",
    "open_source",
    "parse_target",
]
