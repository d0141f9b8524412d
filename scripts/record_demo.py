#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Records the first screen of README.md as an animated picture.

    scripts/record_demo.py [--bin build/bin] FILE.gif

The file, the server and the calls are those of README, run as they stand there, each in a terminal
of its own (a pty) and in a network of their own, so that the port is free. What the programs print
is drawn as it came, but for the folders of this machine, which are shown as ~/aiges and ~/words;
typing is ours, and long waits are cut short.
"""

from __future__ import annotations

import argparse
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parents[1]
FONTS = Path("/usr/share/fonts/truetype/dejavu")
COLUMNS, FONT_SIZE, MARGIN, BAR = 96, 15, 12, 26
MOST_BYTES = 1_000_000
TYPED_AT_ONCE, TYPING_MS, PAUSE_MS, END_MS = 4, 70, 900, 4000
LONGEST_WAIT_MS = 600  # What takes longer is shown as that.
READY, DEADLINE_S = "ready after", 30
SGR = re.compile(r"\x1b\[([0-9;]*)m")
OTHER = re.compile(r"\x1b\[[0-9;?]*[A-Za-ln-z]|\x1b\].*?(?:\x07|\x1b\\)|\x1b[=>]")
BACK, BARS, TEXT, DIM = (24, 26, 31), (44, 47, 56), (222, 224, 228), (140, 144, 152)
COLOURS = {
    30: (90, 94, 102),
    31: (240, 113, 120),
    32: (152, 195, 121),
    33: (229, 192, 123),
    34: (97, 175, 239),
    35: (198, 120, 221),
    36: (86, 182, 194),
    37: TEXT,
    90: DIM,
}
PROMPT = "\x1b[32m$\x1b[0m "
Colour = tuple[int, int, int]


@dataclass
class Terminal:
    """What stands in a terminal: lines of (text, colour), of which the last ``rows`` are shown."""

    title: str
    rows: int
    lines: list[list[tuple[str, Colour]]] = field(default_factory=lambda: [[]])
    colour: Colour = TEXT

    def write(self, text: str) -> None:
        """Takes text with line ends and colours; other control sequences are left out."""
        parts = SGR.split(OTHER.sub("", text).replace("\r\n", "\n"))
        for number, part in enumerate(parts):
            if number % 2:
                for said in part.split(";"):
                    self.colour = COLOURS.get(int(said or 0), TEXT)
                continue
            first, *rest = part.split("\n")
            self._add(first)
            for line in rest:
                self.lines.append([])
                self._add(line)

    def fresh_line(self) -> None:
        """Goes to a line of its own, as a prompt does after an output without an end of line."""
        if self.lines[-1]:
            self.lines.append([])

    def _add(self, text: str) -> None:
        text = text.rsplit("\r", 1)[-1]
        while text:
            room = COLUMNS - sum(len(each) for each, _ in self.lines[-1])
            if room <= 0:
                self.lines.append([])
                continue
            self.lines[-1].append((text[:room], self.colour))
            text = text[room:]


class Recorder:
    """Draws terminals, one below the other, into frames."""

    def __init__(self, terminals: list[Terminal]) -> None:
        self.terminals = terminals
        name = FONTS / "DejaVuSansMono.ttf"
        if not name.is_file():
            raise SystemExit(f"record_demo: expected {name}: apt install fonts-dejavu-core")
        self.font = ImageFont.truetype(str(name), FONT_SIZE)
        self.wide = self.font.getlength("M")
        self.high = FONT_SIZE + 5
        self.frames: list[Image.Image] = []
        self.times: list[int] = []

    def frame(self, lasts_ms: float) -> None:
        """Keeps what stands in the terminals now, for so long."""
        width = int(COLUMNS * self.wide) + 2 * MARGIN
        height = sum(self._height(each) for each in self.terminals)
        picture = Image.new("RGB", (width, height), BACK)
        draw = ImageDraw.Draw(picture)
        top = 0
        for terminal in self.terminals:
            draw.rectangle((0, top, width, top + BAR), fill=BARS)
            draw.text((MARGIN, top + 4), terminal.title, font=self.font, fill=DIM)
            y = top + BAR + MARGIN // 2
            for line in terminal.lines[-terminal.rows :]:
                x = float(MARGIN)
                for text, colour in line:
                    draw.text((x, y), text, font=self.font, fill=colour)
                    x += len(text) * self.wide
                y += self.high
            top += self._height(terminal)
        self.frames.append(picture)
        self.times.append(max(20, int(lasts_ms)))

    def save(self, file: Path) -> None:
        """Writes the animation, with one palette, so that frames differ where the text does."""
        palette = _palette()
        frames = [f.quantize(palette=palette, dither=Image.Dither.NONE) for f in self.frames]
        file.parent.mkdir(parents=True, exist_ok=True)
        frames[0].save(
            file,
            save_all=True,
            append_images=frames[1:],
            duration=self.times,
            loop=0,
            optimize=True,
        )

    def _height(self, terminal: Terminal) -> int:
        return BAR + terminal.rows * self.high + MARGIN


def _palette() -> Image.Image:
    """The colours, and what edges of letters have between them and the background."""
    shades = [BACK, BARS]
    for colour in {TEXT, DIM, *COLOURS.values()}:
        for part in range(1, 6):
            shades.append(tuple(b + (c - b) * part // 5 for b, c in zip(BACK, colour)))  # type: ignore[arg-type]
    picture = Image.new("P", (1, 1))
    picture.putpalette([value for shade in shades for value in shade])
    return picture


class Program:
    """A command in a pty; what it prints goes to its terminal, and a frame is kept for it."""

    def __init__(self, recorder: Recorder, terminal: Terminal, command: str, folder: Path) -> None:
        self.recorder, self.terminal, self.printed = recorder, terminal, ""
        self.shown = {str(folder): "~/words"}
        for bin_folder in ("AIService", "asectl"):
            found = Path(shutil.which(bin_folder) or "")
            for path in {found.parent, found.resolve().parent}:
                self.shown[str(path)] = "~/aiges/build/bin"
        terminal.fresh_line()
        terminal.write(PROMPT)
        for at in range(0, len(command), TYPED_AT_ONCE):
            terminal.write(command[at : at + TYPED_AT_ONCE])
            recorder.frame(TYPING_MS)
        terminal.write("\n")
        recorder.frame(200)
        self.pid, self.end = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvp("bash", ["bash", "-c", f"stty cols {COLUMNS}; exec {command}"])

    def read(self, until: str | None = None, others: tuple[Program, ...] = ()) -> None:
        """Shows what comes until it has printed a text, or has ended."""
        deadline, before = time.monotonic() + DEADLINE_S, time.monotonic()
        programs = {each.end: each for each in (self, *others)}
        while until is None or until not in self.printed:
            if time.monotonic() > deadline:
                raise SystemExit(f"record_demo: no {until or 'end'} in {self.printed!r}")
            for end in select.select(list(programs), [], [], 0.1)[0]:
                try:
                    text = os.read(end, 65536).decode(errors="replace")
                except OSError:  # The end of a pty.
                    text = ""
                if not text:
                    del programs[end]
                    continue
                programs[end].take(text)
                waited = 1000 * (time.monotonic() - before)
                before = time.monotonic()
                self.recorder.frame(min(max(waited, 40), LONGEST_WAIT_MS))
            if self.end not in programs:
                break

    def settle(self, seconds: float) -> None:
        """Shows what comes within a while."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if select.select([self.end], [], [], 0.05)[0]:
                text = os.read(self.end, 65536).decode(errors="replace")
                self.take(text)
                self.recorder.frame(100)

    def take(self, text: str) -> None:
        """Writes what was printed, with other names for this machine's folders."""
        self.printed += text
        for path, name in self.shown.items():
            text = text.replace(path, name)
        self.terminal.write(text)


def first_screen() -> tuple[str, str, list[str]]:
    """The file of README's first screen, the command that serves it, and the calls."""
    text = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## ", 1)[0]
    program = re.search(r"^```python\n(.*?)^```", text, re.M | re.S)
    serve = re.search(r"^    (asectl serve .*)$", text, re.M)
    calls = re.findall(r"^    (curl .*)$", text, re.M)
    if not (program and serve and calls):
        raise SystemExit(
            "record_demo: expected a program, asectl serve and curl before README's first ##"
        )
    return program[1], serve[1], calls


def record(file: Path) -> None:
    """Runs the first screen and writes the picture."""
    program, serve, calls = first_screen()
    above = Terminal("model.py, served", 16)
    below = Terminal("another terminal", 3 + 2 * len(calls))
    recorder = Recorder([above, below])
    with tempfile.TemporaryDirectory(prefix="aiges-") as name:
        folder = Path(name)
        (folder / "model.py").write_text(program, encoding="utf-8")
        recorder.frame(PAUSE_MS)
        Program(recorder, above, "cat model.py", folder).read()
        recorder.frame(2 * PAUSE_MS)
        server = Program(recorder, above, serve, folder)
        server.read(READY)
        server.settle(0.5)
        recorder.frame(PAUSE_MS)
        for call in calls:
            Program(recorder, below, call, folder).read()
            server.settle(0.5)
            below.fresh_line()
            recorder.frame(2 * PAUSE_MS)
        recorder.frame(END_MS)
        os.kill(server.pid, signal.SIGINT)
        os.waitpid(server.pid, 0)
    recorder.save(file)
    size = file.stat().st_size
    print(
        f"{file}: {len(recorder.frames)} frames, {sum(recorder.times) / 1000:.0f} s, {size} bytes"
    )
    if size > MOST_BYTES:
        raise SystemExit(f"record_demo: expected at most {MOST_BYTES} bytes")


def main() -> None:
    """Starts itself again in a network of its own, then records."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=Path, default=ROOT / "build" / "bin")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("file", type=Path)
    said = parser.parse_args()
    if not said.inside:
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        again = [sys.executable, __file__, "--inside", *sys.argv[1:]]
        sys.exit(subprocess.run(["unshare", *user, "--net", *again]).returncode)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    os.environ["PATH"] = f"{said.bin.absolute()}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    os.environ.update(TERM="xterm-256color", LANG="C.UTF-8", COLUMNS=str(COLUMNS))
    record(said.file)


if __name__ == "__main__":
    main()
