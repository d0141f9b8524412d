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


def choice(config, key, default, allowed):
    """config[key], which must be one of the allowed words."""
    value = config.get(key, "") or default
    if value not in allowed:
        raise ConfigError(f"{key}: expected one of {', '.join(allowed)}, got {value!r}")
    return value


def existing_file(text, key):
    """A path as given, or relative to the plugin's folder, because the loader's cwd varies."""
    tried = [Path(text), PLUGIN_FOLDER / text]
    for path in tried:
        if path.is_file():
            return path
    places = " nor ".join(str(path) for path in dict.fromkeys(tried))
    raise ConfigError(f"{key}: expected a file, found neither {places}")


def find_weights(config):
    """The .onnx file to load: `model`, else the first one in the resources folder."""
    if config.get("model"):
        return existing_file(config["model"], "model")
    folder = Path(config.get("resources") or "/resources")
    found = sorted(folder.glob("*.onnx"))
    if not found:
        state = "has no *.onnx file" if folder.is_dir() else "does not exist"
        raise ConfigError(
            f"model: no weights given and {folder} {state}; set [wrapper] model to an .onnx file "
            f"exported by YOLOv5 (python export.py --include onnx) or mount one into {folder}"
        )
    return found[0]


def configured_names(config):
    """Class names from `names` (comma list) or `names_file` (one per line); None if neither."""
    if config.get("names"):
        return [name.strip() for name in config["names"].split(",")]
    if config.get("names_file"):
        text = existing_file(config["names_file"], "names_file").read_text(encoding="utf-8")
        return [line.strip() for line in text.splitlines() if line.strip()]
    return None
