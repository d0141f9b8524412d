# SPDX-License-Identifier: Apache-2.0
"""The plugin's configuration: the strings that wrapperInit gets, checked and typed."""


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


def choice(config, key, default, allowed):
    """config[key], which must be one of the allowed words."""
    value = config.get(key, "") or default
    if value not in allowed:
        raise ConfigError(f"{key}: expected one of {', '.join(allowed)}, got {value!r}")
    return value
