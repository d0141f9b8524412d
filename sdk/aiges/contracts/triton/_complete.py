# SPDX-License-Identifier: Apache-2.0
"""ModelConfig: what ``auto_complete_config`` of a model is given, adds to, and returns."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["ModelConfig"]

_NEEDED = ("name", "data_type", "dims")


class ModelConfig:
    """A configuration that is not complete. Where it says otherwise, methods raise ValueError."""

    def __init__(self, model_config: str) -> None:
        self._model_config: dict[str, Any] = json.loads(model_config)

    def as_dict(self) -> dict[str, Any]:
        """Return the configuration itself."""
        return self._model_config

    def _add(self, kind: str, given: dict[str, Any], allowed: tuple[str, ...]) -> None:
        shown = "input" if kind == "input" else "output"
        for name in given:
            if name not in allowed:
                raise ValueError(
                    f"{shown}: {name!r} is an unknown property of a tensor: expected only "
                    f"{', '.join(allowed)}"
                )
        for name in _NEEDED:
            if name not in given:
                raise ValueError(f"{shown}: '{name}' property not found.")
        for there in self._model_config[kind]:
            if there["name"] == given["name"]:
                self._agree(shown, there, given)
                return
        self._model_config[kind].append(dict(given))

    @staticmethod
    def _agree(shown: str, there: dict[str, Any], given: dict[str, Any]) -> None:
        name = given["name"]
        if there.get("data_type", "TYPE_INVALID") == "TYPE_INVALID":
            there["data_type"] = given["data_type"]
        elif there["data_type"] != given["data_type"]:
            raise ValueError(
                f"unable to load model '{name}', configuration expects {shown} data type "
                f"'{there['data_type']}' but the model has '{given['data_type']}'"
            )
        if not there.get("dims"):
            there["dims"] = list(given["dims"])
        elif list(there["dims"]) != list(given["dims"]):
            raise ValueError(
                f"{shown} '{name}': configuration expects dims {list(there['dims'])} but the model "
                f"has {list(given['dims'])}"
            )
        if "optional" in given:
            if there.get("optional") and not given["optional"]:
                raise ValueError(f"{shown} '{name}': configuration says that it is optional")
            there["optional"] = bool(given["optional"])

    def add_input(self, input: dict[str, Any]) -> None:  # noqa: A002 (published)
        """Add an input, or what its entry lacks."""
        self._add("input", input, (*_NEEDED, "optional"))

    def add_output(self, output: dict[str, Any]) -> None:
        """Add an output, or what its entry lacks."""
        self._add("output", output, _NEEDED)

    def set_max_batch_size(self, max_batch_size: int) -> None:
        """Set how many requests make a batch at most; the configuration may not have more."""
        there = self._model_config.get("max_batch_size", 0)
        if there > max_batch_size:
            raise ValueError(
                f"configuration specified max-batch-size {there} but the model supports only "
                f"{max_batch_size}"
            )
        self._model_config["max_batch_size"] = max_batch_size

    def set_dynamic_batching(self) -> None:
        """Let requests be gathered, where no other scheduler is named."""
        for other in ("sequence_batching", "ensemble_scheduling"):
            if other in self._model_config:
                raise ValueError(
                    "Cannot set dynamic_batching as multiple scheduling choices are specified: "
                    f"the configuration has {other}"
                )
        self._model_config.setdefault("dynamic_batching", {})

    def set_model_transaction_policy(self, transaction_policy_dict: dict[str, Any]) -> None:
        """Set whether a request may have any number of answers."""
        for name in transaction_policy_dict:
            if name != "decoupled":
                raise ValueError(
                    "model transaction property in auto-complete-config function for model "
                    f"'{self._model_config.get('name', '')}' contains property other than "
                    f"'decoupled': {name!r}"
                )
        if "decoupled" not in transaction_policy_dict:
            return
        wanted = transaction_policy_dict["decoupled"]
        there = self._model_config.get("model_transaction_policy")
        if there is not None and "decoupled" in there and there["decoupled"] != wanted:
            raise ValueError(
                "trying to change decoupled property in auto-complete-config for model "
                f"'{self._model_config.get('name', '')}', which is already set to "
                f"'{there['decoupled']}'."
            )
        self._model_config["model_transaction_policy"] = {"decoupled": wanted}
