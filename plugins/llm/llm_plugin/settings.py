# SPDX-License-Identifier: Apache-2.0
"""The plugin's configuration: the strings that wrapperInit gets, checked and typed."""

from pathlib import Path

PLUGIN_FOLDER = Path(__file__).resolve().parent.parent


class ConfigError(ValueError):
    """The configuration or what it names cannot be used; the text says what to change."""


def number(config, key, default, low, high, kind=float):
    """config[key] as a number between low and high; the default when the key is absent."""
    text = config.get(key, "")
    if text == "":
        return default
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not low <= value <= high:
        want = "a whole number" if kind is int else "a number"
        raise ConfigError(f"{key}: expected {want} from {low} to {high}, got {text!r}")
    return value


def existing_file(text, key):
    """A path as given, or relative to the plugin's folder, because the loader's cwd varies."""
    tried = [Path(text), PLUGIN_FOLDER / text]
    for path in tried:
        if path.is_file():
            return path
    places = " nor ".join(str(path) for path in dict.fromkeys(tried))
    raise ConfigError(f"{key}: expected a file, found neither {places}")
