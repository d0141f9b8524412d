# SPDX-License-Identifier: Apache-2.0
"""The config centre and the list of services, in Consul (pip install 'aiges-host[registry]')::

registry, scope = Registry(), Scope("svcName")
config = registry.pull(scope)
files = {**config.files, "aiges.toml": "[fc]\\nmax = 8\\n"}
registry.push(
    scope, files, message="more licences", author="me", expect_revision=config.revision
)
for loader in registry.status(scope):
    print(loader.id, loader.result)
"""

from aiges.registry.model import (
    Config,
    Conflict,
    Entry,
    LoaderStatus,
    RegistryError,
    Scope,
    Service,
    diff,
    revision_of,
)
from aiges.registry.registry import Registry, Watch

__all__ = [
    "Config",
    "Conflict",
    "Entry",
    "LoaderStatus",
    "Registry",
    "RegistryError",
    "Scope",
    "Service",
    "Watch",
    "diff",
    "revision_of",
]
