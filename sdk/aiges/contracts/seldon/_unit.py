# SPDX-License-Identifier: Apache-2.0
"""What the environment says about the unit that is served."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import NamedTuple

from aiges.contracts.seldon._parameters import is_true

__all__ = ["Unit", "environment_of", "unit_of"]

NOT_IMPLEMENTED = "NOT_IMPLEMENTED"


class Unit(NamedTuple):
    """Read once, when the engine starts."""

    name: str  # PREDICTIVE_UNIT_ID; empty: none.
    image: str  # name:tag
    labels: dict[str, str]  # Of every series of metrics.
    shows_metrics: bool  # INCLUDE_METRICS_IN_CLIENT_RESPONSE
    passes_payload: bool  # PAYLOAD_PASSTHROUGH
    counts_rewards: bool  # SELDON_EXECUTOR_ENABLED
    metadata: str  # YAML
    metrics_path: str

    @property
    def path(self) -> dict[str, str]:
        """What a reply's meta says about the way of the request."""
        return {self.name: self.image} if self.name else {}

    @property
    def routing_key(self) -> str:
        """The unit's key in a reply's routing."""
        return self.name or "0"

    @property
    def image_parts(self) -> tuple[str, str]:
        """The image's name and its tag, each may be empty."""
        return (
            _parts_of(self.image)
            if self.image != f"{NOT_IMPLEMENTED}:{NOT_IMPLEMENTED}"
            else (
                "",
                "",
            )
        )


def _parts_of(image: str) -> tuple[str, str]:
    name, colon, tag = image.rpartition(":")
    return (name, tag) if colon and "/" not in tag else (image, "")


def _predictor_version(environment: Mapping[str, str]) -> str:
    try:
        labels = json.loads(environment.get("PREDICTOR_LABELS", "{}"))
        return str(labels.get("version") or NOT_IMPLEMENTED)
    except (ValueError, AttributeError):
        return NOT_IMPLEMENTED


def unit_of(environment: Mapping[str, str]) -> Unit:
    """Read it."""
    image = environment.get("PREDICTIVE_UNIT_IMAGE") or f"{NOT_IMPLEMENTED}:{NOT_IMPLEMENTED}"
    image_name, image_version = _parts_of(image)
    deployment = environment.get("SELDON_DEPLOYMENT_ID") or NOT_IMPLEMENTED
    labels = {
        "deployment_name": deployment,
        "model_name": environment.get("PREDICTIVE_UNIT_ID") or NOT_IMPLEMENTED,
        "model_image": image_name,
        "model_version": image_version or NOT_IMPLEMENTED,
        "predictor_name": environment.get("PREDICTOR_ID") or NOT_IMPLEMENTED,
        "predictor_version": _predictor_version(environment),
        # What older dashboards ask for.
        "seldon_deployment_name": deployment,
        "image_name": image_name,
        "image_version": image_version or NOT_IMPLEMENTED,
    }
    return Unit(
        name=environment.get("PREDICTIVE_UNIT_ID", ""),
        image=image,
        labels=labels,
        shows_metrics=is_true(environment.get("INCLUDE_METRICS_IN_CLIENT_RESPONSE", "true")),
        passes_payload=is_true(environment.get("PAYLOAD_PASSTHROUGH", "false")),
        counts_rewards=environment.get("SELDON_EXECUTOR_ENABLED", "true").lower() != "false",
        metadata=environment.get("MODEL_METADATA", ""),
        metrics_path=environment.get("PREDICTIVE_UNIT_METRICS_ENDPOINT") or "/metrics",
    )


def environment_of(config: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with what [wrapper] says in place of it: predictive_unit_id = ".."."""
    names = (
        "PREDICTIVE_UNIT_ID",
        "PREDICTIVE_UNIT_IMAGE",
        "PREDICTIVE_UNIT_PARAMETERS",
        "PREDICTIVE_UNIT_METRICS_ENDPOINT",
        "PREDICTOR_ID",
        "PREDICTOR_LABELS",
        "SELDON_DEPLOYMENT_ID",
        "SELDON_EXECUTOR_ENABLED",
        "INCLUDE_METRICS_IN_CLIENT_RESPONSE",
        "PAYLOAD_PASSTHROUGH",
        "MODEL_METADATA",
    )
    said = {name: config[name.lower()] for name in names if config.get(name.lower())}
    return {**os.environ, **said}
