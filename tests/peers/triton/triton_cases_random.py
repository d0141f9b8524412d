# SPDX-License-Identifier: Apache-2.0
"""Requests that nobody has thought of, always the same."""

import random

from triton_parts import DTYPES, binary, infer, tensor, wanted


def cases(count=20, seed=20261130):
    dice = random.Random(seed)
    names = [*DTYPES, "BYTES"]

    def value(kind):
        if kind == "BOOL":
            return dice.random() < 0.5
        if kind == "BYTES":
            return dice.choice(["", "a", "\u00e9\u00e9", "x y", '"', "\\"])
        if kind.startswith("FP"):
            return dice.randint(-64, 64) / 4
        bits = int(kind.removeprefix("U").removeprefix("INT"))
        low = 0 if kind.startswith("U") else -(2 ** (bits - 1))
        return dice.randint(low, low + 2**bits - 1)

    def one(number):
        inputs, outputs = [], []
        for kind in dice.sample(names, dice.randint(1, 4)):
            size = dice.choice([0, 1, 2, 5])
            name = "STRING" if kind == "BYTES" else kind
            inputs.append((f"IN_{name}", kind, [size], [value(kind) for _ in range(size)]))
            outputs.append(wanted(f"OUT_{name}", binary_data=kind == "FP16" or dice.random() < 0.5))
        listed = dice.choice([outputs, outputs[::-1], outputs[:1]])
        more = {"id": f"r{number}"} if dice.random() < 0.5 else {}
        if any(kind == "FP16" for _, kind, _, _ in inputs) or dice.random() < 0.5:
            return binary(f"random-{number}", "kinds", inputs, listed, **more)
        as_json = [tensor(*given) for given in inputs]
        return infer(f"random-{number}", "kinds", as_json, listed, **more)

    return [one(number) for number in range(count)]
