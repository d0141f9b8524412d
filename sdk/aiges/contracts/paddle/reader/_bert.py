# SPDX-License-Identifier: Apache-2.0
"""Chinese text to what BERT is fed with: pieces of words, as Google's vocabularies have them."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from typing import Any

from aiges.contracts.paddle.reader._text import missing_file

__all__ = ["ChineseBertReader", "pieces_of"]

_LONGEST_WORD = 100
# Of CJK ideographs: each is a word.
_IDEOGRAPHS = (
    *((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F)),
    *((0x2B740, 0x2B81F), (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)),
)
# What is punctuation in ASCII, also where Unicode says symbol.
_MARKS = ((33, 47), (58, 64), (91, 96), (123, 126))


def _lies_in(character: str, ranges: Any) -> bool:
    return any(first <= ord(character) <= last for first, last in ranges)


def _is_mark(character: str) -> bool:
    return _lies_in(character, _MARKS) or unicodedata.category(character).startswith("P")


def _spaced(text: str) -> Iterator[str]:
    """Yield the characters that count, white space as a blank, ideographs between blanks."""
    for character in text:
        if character in "\t\n\r" or unicodedata.category(character) == "Zs":
            yield " "
        elif ord(character) in (0, 0xFFFD) or unicodedata.category(character).startswith("C"):
            continue
        elif _lies_in(character, _IDEOGRAPHS):
            yield f" {character} "
        else:
            yield character


def _words(text: str) -> Iterator[str]:
    """Yield words in small letters without accents; each mark is one."""
    for token in "".join(_spaced(text)).split():
        bare = unicodedata.normalize("NFD", token.lower())
        word = ""
        for character in bare:
            if unicodedata.category(character) == "Mn":
                continue
            if not _is_mark(character):
                word += character
                continue
            if word:
                yield word
            yield character
            word = ""
        if word:
            yield word


def pieces_of(text: str, vocabulary: dict[str, int]) -> list[str]:
    """Return the longest pieces of each word that the vocabulary has; [UNK] for no such word."""
    found: list[str] = []
    for together in _words(text):
        for word in together.split():
            found += _pieces(word, vocabulary)
    return found


def _pieces(word: str, vocabulary: dict[str, int]) -> list[str]:
    if len(word) > _LONGEST_WORD:
        return ["[UNK]"]
    pieces: list[str] = []
    begin = 0
    while begin < len(word):
        for end in range(len(word), begin, -1):
            piece = ("##" if begin else "") + word[begin:end]
            if piece in vocabulary:
                pieces.append(piece)
                begin = end
                break
        else:
            return ["[UNK]"]
    return pieces


class ChineseBertReader:
    """``args``: vocab_file (a piece in each line, its number from 0), max_seq_len (20)."""

    def __init__(self, args: Any = None) -> None:
        args = dict(args or {})
        self.max_seq_len = int(args.get("max_seq_len", 20))
        path = args.get("vocab_file", "") or "vocab.txt"
        if not os.path.exists(path):
            what = "the vocabulary of BERT, a piece in each line"
            raise missing_file(path, what, 'ChineseBertReader({"vocab_file": path})')
        self.vocab: dict[str, int] = {}
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file):
                parts = line.strip().split("\t")
                self.vocab[parts[0].strip()] = int(parts[1]) if len(parts) == 2 else number
        self.pad_id, self.cls_id = self.vocab["[PAD]"], self.vocab["[CLS]"]
        self.sep_id, self.mask_id = self.vocab["[SEP]"], self.vocab["[MASK]"]
        self.feed_keys = ["input_ids", "position_ids", "segment_ids", "input_mask"]

    def set_feed_keys(self, keys: list[str]) -> None:
        """Say which names a model takes."""
        self.feed_keys = keys

    def get_feed_keys(self) -> list[str]:
        """Return the names of what ``process`` returns."""
        return self.feed_keys

    def process(self, line: Any) -> dict[str, list[int]]:
        """Return lists of max_seq_len numbers, padded at the end; no [SEP] is among them."""
        text = line.decode("utf-8", "ignore") if isinstance(line, bytes) else line
        pieces = pieces_of(text, self.vocab)[: self.max_seq_len - 2]
        numbers = [self.cls_id, *(self.vocab[piece] for piece in pieces)]
        count = len(numbers)
        empty = [self.pad_id] * (self.max_seq_len - count)
        return {
            "input_ids": numbers + empty,
            "position_ids": [*range(count), *empty],
            "segment_ids": [0] * count + empty,
            "input_mask": [1] * count + [0] * len(empty),
        }
