# SPDX-License-Identifier: Apache-2.0
"""A model author's first five minutes: ours beside LitServe, BentoML and MLServer, in turns.

    .venv/bin/python bench/newcomer.py [--turns 3] [--only text,image] [--systems aiges,litserve]

`newcomer/<system>/<case>` has what a user of that system writes, as its documentation has it, and
in `commands` what the user types. What is measured are those files and those lines: each turn
copies the folder and starts the server as written.

seconds: from that moment until the first answer that is right, the port tried every 5 ms; of a
case without a server the whole run. The median of the turns; one before them only fills caches.
lines: all that the user wrote, without blank lines and comments.
commands: all that the user typed, the packages being installed.

Then the user's other commands are run, too, and their answers checked; the server is ended as by
Ctrl-C, and what is odd about that is told. The others are installed once, each into an environment
of its own in build/newcomer. Their time of installing does not count.
"""

import argparse
import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

from newcomer_calls import call_row, validation_row  # noqa: E402
from newcomer_cases import CASES  # noqa: E402
from newcomer_run import Failed, turn, written  # noqa: E402
from newcomer_systems import SYSTEMS  # noqa: E402
from report import Row  # noqa: E402

OURS = "aiges"
CALLS = ("typed_call", "validation")  # Ours alone: a typed call beside one of v1, and its checks.
PART = 1 / 3  # Of the quickest of the others, from start to answer.


def main():
    said = arguments()
    cases = [case for case in CASES if case.name in said.only]
    systems = [system for system in SYSTEMS if system.name in said.systems]
    rows, own = [], []
    if cases:
        for system in systems:
            system.make(say)
        rows = [row for case in cases for row in measured(case, systems, said.turns)]
        rows += totals(rows, systems) if len(cases) > 1 else []
        print(table(rows, systems))
    if "typed_call" in said.only:
        own.append(call_row(said.bin.resolve(), said.turns, said.seconds, say))
    if "validation" in said.only:
        own.append(validation_row())
    for row in own:
        print(f"{row.name}: {row.shown}; target {row.target}: {'pass' if row.met else 'MISS'}")
    for row in [*rows, *own]:
        row.write(said.out)
    failed = any(row.met is False or row.fields.get("failed") for row in [*rows, *own])
    sys.exit(1 if failed else 0)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=Path, default=ROOT / "build" / "bin")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=2, help="of a load in typed_call")
    names = [*(case.name for case in CASES), *CALLS]
    parser.add_argument("--only", type=names_of(names), default=names, help=f"of {names}")
    names = [system.name for system in SYSTEMS]
    parser.add_argument("--systems", type=names_of(names), default=names, help=f"of {names}")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench")
    said = parser.parse_args()
    for system in SYSTEMS:
        system.binaries = said.bin.resolve()
    return said


def names_of(known):
    def read(text):
        names = text.split(",")
        if unknown := set(names) - set(known):
            raise argparse.ArgumentTypeError(f"expected some of {', '.join(known)}: {unknown}")
        return names

    return read


def say(text):
    print(f"newcomer: {text}", file=sys.stderr, flush=True)


def measured(case, systems, turns):
    """The rows of a case: seconds, lines, commands."""
    runs, notes, failed = {system.name: [] for system in systems}, {}, []
    able = [system for system in systems if system.folder(case.name).is_dir()]
    for number in range(turns + 1):  # The first fills caches, and does not count.
        for system in able[:] if number % 2 == 0 else able[::-1]:
            try:
                done = turn(system, case)
            except Failed as fault:
                say(f"{case.name}, {system.name}: FAILED: {fault}")
                notes[system.name], runs[system.name] = str(fault), []
                failed.append(system.name)
                able.remove(system)
                continue
            say(f"{case.name}, {system.name}, turn {number}: {done.seconds:.3f} s{done.note}")
            if number:
                runs[system.name].append(done.seconds)
            if done.note:
                notes[system.name] = done.note.strip(", ")
    seconds = {name: statistics.median(all_) for name, all_ in runs.items() if all_}
    counts = {system.name: written(system.folder(case.name)) for system in able}
    more = {"seconds_runs": {name: [round(s, 3) for s in all_] for name, all_ in runs.items()}}
    more.update(notes=notes, failed=failed)
    yield row(f"{case.name}_seconds", seconds, PART, more)
    yield row(f"{case.name}_lines", {name: lines for name, (lines, _) in counts.items()}, None, {})
    commands = {name: commands for name, (_, commands) in counts.items()}
    yield row(f"{case.name}_commands", commands, None, {}, judged=False)


def totals(rows, systems):
    """Lines and commands of all cases that everybody can do."""
    for what in ("lines", "commands"):
        of = [row for row in rows if row.name.endswith(f"_{what}")]
        of = [row for row in of if len(row.fields["of"]) == len(systems)]
        sums = {s.name: sum(row.fields["of"][s.name] for row in of) for s in systems}
        yield row(f"all_{what}", sums, None, {"cases": [row.name for row in of]})


def row(name, of, part, more, judged=True):
    """A row with a figure for each system. `part`: how much ours may be of the least of the others;
    None: it must be less."""
    others = [figure for system, figure in of.items() if system != OURS]
    met = target = None
    shown = "-"
    if others and OURS in of:
        ratio = of[OURS] / min(others)
        shown = f"{ratio:.2f}"
        if judged:
            met = ratio <= part if part else ratio < 1
            target = f"<= {part:.2f}" if part else "< 1"
    fields = {"of": {system: round(figure, 3) for system, figure in of.items()}, **more}
    return Row(f"newcomer_{name}", shown, target, met, fields)


def table(rows, systems):
    names = [system.name for system in systems]
    lines = [["", *names, "of the least", "target", ""]]
    for row in rows:
        cells = [row.name.removeprefix("newcomer_").replace("_", ", ")]
        for name in names:
            figure = row.fields["of"].get(name)
            cells.append("-" if figure is None else f"{figure:.2f}" if figure % 1 else f"{figure}")
        verdict = {None: "", True: "pass", False: "MISS"}[row.met]
        lines.append([*cells, row.shown, row.target or "", verdict])
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = []
    for line in lines:
        first, *rest = (cell.rjust(width) for cell, width in zip(line, widths))
        text.append("  ".join([line[0].ljust(widths[0]), *rest]).rstrip())
    return "\n".join([text[0], "-" * max(map(len, text)), *text[1:]])


if __name__ == "__main__":
    main()
