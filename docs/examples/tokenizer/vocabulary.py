#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a vocabulary by byte pair encoding of some texts, as a tokenizer.json.

vocabulary.py tokenizer.json TEXT...: the pair of tokens that is most often beside each other
becomes a token, again and again. It needs no package, and no text from elsewhere.
"""

import collections
import json
import re
import sys
from pathlib import Path

MERGES = 400


def main(out, *texts):
    words = collections.Counter()
    for text in texts:
        for word in re.findall(r" ?[A-Za-z]+|[^A-Za-z\s]", Path(text).read_text(encoding="utf-8")):
            words[tuple(byte_letter(byte) for byte in word.encode())] += 1
    vocabulary = [byte_letter(byte) for byte in range(256)]
    merges = []
    for _ in range(MERGES):
        pairs = collections.Counter()
        for word, count in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += count
        if not pairs:
            break
        best = max(sorted(pairs), key=pairs.__getitem__)
        merges.append(best)
        vocabulary.append("".join(best))
        words = collections.Counter({merged(word, best): count for word, count in words.items()})
    byte_level = {"add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    made = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", **byte_level},
        "post_processor": None,
        "decoder": {"type": "ByteLevel", **byte_level},
        "model": {
            "type": "BPE",
            "vocab": {token: number for number, token in enumerate(dict.fromkeys(vocabulary))},
            "merges": [" ".join(pair) for pair in merges],
        },
    }
    Path(out).write_text(json.dumps(made), encoding="utf-8")


def byte_letter(byte):
    """The letter that stands for a byte in such files: itself where it can be seen."""
    seen = [*range(33, 127), *range(161, 173), *range(174, 256)]
    if byte in seen:
        return chr(byte)
    return chr(256 + [other for other in range(256) if other not in seen].index(byte))


def merged(word, pair):
    out, at = [], 0
    while at < len(word):
        if word[at : at + 2] == pair:
            out.append("".join(pair))
            at += 2
        else:
            out.append(word[at])
            at += 1
    return tuple(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
