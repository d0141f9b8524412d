# SPDX-License-Identifier: Apache-2.0
"""Texts in, vectors of length 1 and the number of tokens out."""

import numpy as np

from .settings import ConfigError, number
from .weights import NAME, model_folder, read_config, read_tensors

ROWS = 32  # Texts of a run, of like length, so that little of it is padding.


class Model:
    """Thread-safe: runs of one session may overlap."""

    def __init__(self, config):
        folder = model_folder(config.get("model", ""))
        threads = number(config, "threads", 0, 0, 1024, int)
        try:
            import onnxruntime
            from tokenizers import Tokenizer

            from .graph import build
        except ImportError as error:
            raise ConfigError(
                f"a package cannot be imported ({error}); install what this plugin needs into the "
                "interpreter of [instances] python: pip install -r requirements.txt"
            ) from error
        said = read_config(folder)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        graph = build(read_tensors(folder / "model.safetensors"), said).SerializeToString()
        self._session = onnxruntime.InferenceSession(
            graph, options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(said["max_seq_length"])
        self._tokenizer.no_padding()
        self.dimensions = said["hidden_size"]
        self.name = config.get("name") or (folder.name if config.get("model") else NAME)

    def embed(self, texts):
        """Vectors (texts, dimensions), and how many tokens each text had."""
        tokens = [each.ids for each in self._tokenizer.encode_batch(texts)]
        counts = [len(each) for each in tokens]
        vectors = np.empty((len(texts), self.dimensions), np.float32)
        order = np.argsort(counts, kind="stable")
        for begin in range(0, len(order), ROWS):
            rows = order[begin : begin + ROWS]
            longest = counts[rows[-1]]
            ids = np.zeros((len(rows), longest), np.int64)
            mask = np.zeros_like(ids)
            for row, n in enumerate(rows):
                ids[row, : counts[n]], mask[row, : counts[n]] = tokens[n], 1
            (vectors[rows],) = self._session.run(None, {"ids": ids, "mask": mask})
        return vectors, counts
