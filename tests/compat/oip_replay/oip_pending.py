# SPDX-License-Identifier: Apache-2.0
"""Answers that still have to become the original's: why not yet, and which.

A test that finds one of them right fails, so that it leaves this list.
"""

_GROUPS = {
    "what a model asks of another is not checked against what that declares": ("bls-refused",),
    "errors of the model's own fault have the class of an exception before their text": (
        *("fault-raise", "fault-raise-own", "fault-no-list", "fault-too-many"),
        *("fault-no-response", "fault-plain", "fault-INTERNAL", "counted-failed"),
        *(
            "bls-stream-error",
            "grpc-fault-raise",
            "grpc-fault-plain",
            "grpc-fault-INTERNAL",
            "stream-fault",
        ),
    ),
    "the configuration has no optimization": (
        *("config", "config-batched", "config-decoupled", "config-completed", "config-series"),
        *("config-shaped", "config-many", "grpc-config", "grpc-config-series"),
    ),
    "a model that is not loaded is 503, not 404": ("not-loaded", "unload-infer"),
    "nothing can be unregistered where shared memory is off": ("shared-memory-none-out",),
    "the text of a failed load ends with the loader's code": ("load-fails", "grpc-load-fails"),
}
PENDING = {name: why for why, names in _GROUPS.items() for name in names}
