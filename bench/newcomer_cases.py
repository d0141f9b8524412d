# SPDX-License-Identifier: Apache-2.0
"""The cases of bench/newcomer.py: what the user is given, and which answers are right."""

import re
import subprocess
import sys
from pathlib import Path

TOKENS = [f"t{number}" for number in range(20)]  # 20 ms between them.
PICTURE, THUMBNAIL = (320, 240), (64, 48)


class Case:
    """`first`: what begins a right answer to the first command; None: `right` alone tells."""

    first = None

    def __init__(self, name):
        self.name = name

    def prepare(self, folder, system):
        """Lays down what the user has before the clock runs."""

    def right(self, folder):
        """Whether what the first command left there is right; it ended well."""
        return True

    def check(self, folder, outputs):
        """AssertionError where the commands after the server's did not print what is right."""
        for text in outputs:
            assert re.search(self.first, text), f"expected {self.first} in {text[-2000:]!r}"

    def note(self, rest_s):
        """What is to be told when the first answer took so much longer to its end."""
        return ""


class Text(Case):
    """A word in capitals."""

    first = "HELLO"


class Image(Case):
    """A PNG in, its thumbnail as PNG out."""

    def prepare(self, folder, system):
        from PIL import Image as Pillow

        Pillow.linear_gradient("L").resize(PICTURE).convert("RGB").save(folder / "cat.png")

    def right(self, folder):
        from PIL import Image as Pillow

        try:
            with Pillow.open(folder / "thumb.png") as thumbnail:
                return thumbnail.format == "PNG" and thumbnail.size == THUMBNAIL
        except (OSError, SyntaxError):  # Pillow's word for a broken file.
            return False

    def check(self, folder, outputs):
        got = (folder / "thumb.png").read_bytes()[:300]
        assert self.right(folder), f"expected a PNG of {THUMBNAIL}, got {got}"


class Tokens(Case):
    """20 tokens, one after the other: to curl, to Python and to a page in a browser."""

    first = rf"\b{TOKENS[0]}\b"

    def prepare(self, folder, system):
        page = Path(__file__).with_name("newcomer_page.py")
        browser = folder.parent / "bin" / "xdg-open"
        browser.parent.mkdir()
        browser.write_text(f'#!/bin/sh\nexec {sys.executable} {page} "$1" {TOKENS[-1]}\n')
        browser.chmod(0o755)

    def check(self, folder, outputs):
        assert len(outputs) == 3, f"expected curl, Python and a page, got {len(outputs)} commands"
        for text in outputs:
            assert (found := re.findall(r"\bt\d+\b", text)) == TOKENS, f"got {found} in {text!r}"

    def note(self, rest_s):
        return "" if rest_s > 0.2 else ", its tokens came together, not one after the other"


class Onnx(Case):
    """A row of 4 numbers through a small ONNX file, which the user has."""

    first = r"10(\.0)?,\s*20(\.0)?,\s*30(\.0)?"

    def prepare(self, folder, system):
        # In a process of its own: bench/onnx.py would be taken for the package onnx here.
        script = Path(__file__).parent / "newcomer" / "given" / "make_onnx.py"
        subprocess.run([sys.executable, script, folder / "sum.onnx"], check=True)


class Venv(Case):
    """A model that imports a package which only the user's own environment has."""

    first = "device_type"

    def prepare(self, folder, system):
        (folder / ".venv").symlink_to(system.users_venv())


class Pytest(Case):
    """A test of the model by the means that the system has for it."""

    first = r"\b1 passed"


CASES = [
    Text("text"),
    Image("image"),
    Tokens("tokens"),
    Onnx("onnx"),
    Venv("venv"),
    Pytest("pytest"),
]
