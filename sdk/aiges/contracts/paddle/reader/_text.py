# SPDX-License-Identifier: Apache-2.0
"""Texts to numbers of words or characters, and tags back to words."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator
from typing import Any, Callable

__all__ = ["IMDBDataset", "LACReader", "SentaReader", "missing_file"]


def missing_file(path: str, what: str, say: str) -> FileNotFoundError:
    """Return the error for a file that the original would have downloaded."""
    return FileNotFoundError(f"{path} is not there: {what}; {say}")


class IMDBDataset:
    """Lines of reviews, each with |label at its end."""

    def load_resource(self, dictfile: str) -> None:
        """Read the words, one in a line: a line's number, from 0, is its word's."""
        self._vocab: dict[str, int] = {}
        with open(dictfile, encoding="utf-8") as file:
            for number, line in enumerate(file):
                self._vocab[line.strip()] = number
        self._unk_id = len(self._vocab)
        self._pattern = re.compile(r"(;|,|\.|\?|!|\s|\(|\))")
        self.return_value = ("words", [1, 2, 3, 4, 5, 6]), ("label", [0])

    def _numbers(self, text: str) -> list[int]:
        parts = self._pattern.split(text.lower().replace("<br />", " ").strip())
        return [self._vocab.get(part, self._unk_id) for part in parts if part and part != " "]

    def get_words_only(self, line: str) -> list[int]:
        """Return the numbers of the words and marks of a text without a label."""
        return self._numbers(line)

    def get_words_and_label(self, line: str) -> tuple[list[int], list[int]]:
        """Return the numbers of what is before the last |, and [label].

        Raises ValueError for a label that is no integer.
        """
        text, _, label = line.rpartition("|")
        return self._numbers(text), [int(label)]

    def infer_reader(
        self, infer_filelist: Any, batch: int, buf_size: int
    ) -> Callable[[], Iterator[list[tuple[list[int], list[int]]]]]:
        """Return what gives lists of at most ``batch`` lines, shuffled among ``buf_size``."""

        def shuffled() -> Iterator[tuple[list[int], list[int]]]:
            held: list[tuple[list[int], list[int]]] = []
            for name in infer_filelist:
                with open(name, encoding="utf-8") as file:
                    for line in file:
                        held.append(self.get_words_and_label(line))
                        if len(held) >= buf_size:
                            random.shuffle(held)
                            yield from held
                            held = []
            random.shuffle(held)
            yield from held

        def batches() -> Iterator[list[tuple[list[int], list[int]]]]:
            together: list[tuple[list[int], list[int]]] = []
            for one in shuffled():
                together.append(one)
                if len(together) == batch:
                    yield together
                    together = []
            if together:
                yield together

        return batches

    def generate_sample(self, line: str) -> Callable[[], Iterator[Any]]:
        """Return what gives (("words", numbers), ("label", [label])) of the line, once."""

        def samples() -> Iterator[Any]:
            words, label = self.get_words_and_label(line)
            yield ("words", words), ("label", label)

        return samples


class SentaReader:
    """Numbers of words, for the models senta_*. ``vocab_path``: a word, a tab and its number."""

    def __init__(self, vocab_path: str = "", max_seq_len: int = 20) -> None:
        self.max_seq_len = max_seq_len
        self.word_dict = self.load_vocab(vocab_path or "senta_vocab.txt")

    def load_vocab(self, vocab_path: str) -> dict[str, int]:
        """Return the numbers of the words, and of <unk>: how many there are."""
        if not os.path.exists(vocab_path):
            what = "the words of senta, each with a tab and its number"
            raise missing_file(vocab_path, what, "say where they are: SentaReader(vocab_path)")
        vocabulary: dict[str, int] = {}
        with open(vocab_path, encoding="utf-8") as file:
            for line in file:
                word, _, number = line.strip("\n").rpartition("\t")
                vocabulary[word.split("\t")[0]] = int(number)
        vocabulary["<unk>"] = len(vocabulary)
        return vocabulary

    def process(self, cols: Any) -> list[int]:
        """Return a number for each word of a list; an unknown one has that of all words."""
        unknown = len(self.word_dict)
        return [self.word_dict.get(word, unknown) for word in cols]


def _pairs(path: str, reverse: bool = False) -> dict[str, str]:
    """Return what is after the tab by what is before it; ``reverse``: the other way round."""
    found: dict[str, str] = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            parts = line.strip("\n").split("\t")
            if len(parts) == 2:
                key, value = reversed(parts) if reverse else parts
                found[key] = value
    return found


class LACReader:
    """Numbers of characters for the model lac, and words of its tags.

    ``dict_folder`` holds word.dic and tag.dic (number, tab, text) and q2b.dic (what is replaced,
    tab, by what).
    """

    def __init__(self, dict_folder: str = "") -> None:
        folder = dict_folder or "lac_dict"
        for name in ("word.dic", "tag.dic", "q2b.dic"):
            if not os.path.exists(os.path.join(folder, name)):
                what = "one of the dictionaries of LAC: word.dic, tag.dic and q2b.dic"
                say = "say their folder: LACReader(dict_folder)"
                raise missing_file(os.path.join(folder, name), what, say)
        words, tags = os.path.join(folder, "word.dic"), os.path.join(folder, "tag.dic")
        self.word2id_dict = {key: int(value) for key, value in _pairs(words, True).items()}
        self.id2word_dict = _pairs(words)
        self.label2id_dict = {key: int(value) for key, value in _pairs(tags, True).items()}
        self.id2label_dict = _pairs(tags)
        self.word_replace_dict = _pairs(os.path.join(folder, "q2b.dic"))

    @property
    def vocab_size(self) -> int:
        """The largest number of a character, plus one."""
        return max(self.word2id_dict.values()) + 1

    @property
    def num_labels(self) -> int:
        """The largest number of a tag, plus one."""
        return max(self.label2id_dict.values()) + 1

    def word_to_ids(self, words: Any) -> list[int]:
        """Return a number for each character; of one that is not known, that of OOV."""
        numbers = self.word2id_dict
        replaced = (self.word_replace_dict.get(word, word) for word in words)
        return [numbers[word] if word in numbers else numbers["OOV"] for word in replaced]

    def label_to_ids(self, labels: Any) -> list[int]:
        """Return a number for each tag; of one that is not known, that of O."""
        numbers = self.label2id_dict
        return [numbers[label] if label in numbers else numbers["O"] for label in labels]

    def process(self, sent: Any) -> list[int]:
        """Return a number for each character of a text (or of its UTF-8)."""
        text = sent.decode("utf-8") if isinstance(sent, bytes) else sent
        return self.word_to_ids(text.strip())

    def parse_result(self, words: Any, crf_decode: Any) -> list[str]:
        """Return the words of a text. ``crf_decode``: (characters, 1), the number of each tag.

        A word begins with a tag ..-B, and with an O behind something else.
        """
        text = words.decode("utf-8") if isinstance(words, bytes) else words
        tags = [self.id2label_dict[str(int(row[0]))] for row in crf_decode]
        found: list[str] = []
        for at, tag in enumerate(tags):
            outside = tag == "O" and at > 0 and tags[at - 1] != "O"
            if at == 0 or tag.endswith("-B") or outside:
                found.append(text[at])
            else:
                found[-1] += text[at]
        return found
