# SPDX-License-Identifier: Apache-2.0
"""The commands of a page as one bash script, and its run in a world of its own.

That world is a copy of the checkout's files (build and .venv are links to the real ones) and
namespaces of processes and network: every page has all ports for itself, commands run exactly as
they are written, and the end of the script is the end of everything that it started.
"""

import functools
import os
import shutil
import subprocess
from pathlib import Path

from doc_page import PageError

ROOT = Path(__file__).resolve().parents[2]
PAGE_TIMEOUT_S = 120
LEFT_OUT = ("tests/", "loader/", "build/")  # What no page looks at, and links.
LINKS = ("build", ".venv")
CURL = "fail-with-body\nsilent\nshow-error\nmax-time = 30\n"  # An HTTP error is an error.
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
RUSTUP = Path(
    os.environ.get("RUSTUP_HOME", Path.home() / ".rustup")
)  # Of a cargo that is rustup's.
PRELUDE = """\
set -eo pipefail -m
ip link set lo up
servers=() outputs=()
at() { echo "$1" > "$RUN/at"; }
give_up() { echo "$1" >> "$RUN/why"; exit 1; }
await() {  # FILE TEXT PID: until the server has printed TEXT
  local until=$((SECONDS + 60))
  until grep -qF -- "$2" "$1"; do
    kill -0 "$3" 2> /dev/null || grep -qF -- "$2" "$1" || give_up "it ended before it said $2"
    [ $SECONDS -lt $until ] || give_up "it did not say $2 within 60 s"
    sleep 0.02
  done
}
again() {  # FUNCTION FILE TEXT: run it until it prints TEXT
  local until=$((SECONDS + 30))
  until "$1" > "$2" 2>&1 < /dev/null && grep -qF -- "$3" "$2"; do
    [ $SECONDS -lt $until ] || give_up "it did not print $3 within 30 s"
    sleep 0.1
  done
}
says() { await "${outputs[-1]}" "$1" "${servers[-1]}"; }
stop() {  # Ctrl-C for the newest server
  local server=${servers[-1]} code=0
  unset 'servers[-1]' 'outputs[-1]'
  kill -INT -- "-$server"
  wait "$server" || code=$?
  [ $code = 0 ] || [ $code = 130 ] || give_up "the server ended with $code after Ctrl-C"
}
"""


def compilers():
    """The folders of the compilers that pages use, where they are not the system's."""
    found = [shutil.which(name) for name in ("go", "cargo")]
    return dict.fromkeys(os.path.dirname(each) for each in found if each)


def missing():
    """What this machine lacks to run pages; empty: nothing."""
    lacking = [tool for tool in ("ip", "unshare", "curl") if shutil.which(tool) is None]
    if lacking:
        return ", ".join(lacking)
    tried = subprocess.run([*_within(), "true"], capture_output=True, text=True)
    return "" if tried.returncode == 0 else f"namespaces ({tried.stderr.strip()})"


def _within():
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *user, "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]


def script_of(blocks):
    """The script; what block N prints is in $RUN/N."""
    parts = [PRELUDE]
    for number, block in enumerate(blocks):
        if "stop" in block.asked:
            parts.append(f"at {number}\nstop\n")
        elif "says" in block.asked:
            parts.append(f"at {number}\nsays {_quoted(block.value('says'))}\n")
        elif "file" in block.asked:
            parts.append(f"at {number}\ncat > {block.value('file')} <<'END OF FILE'\n{block.text}")
            parts.append("END OF FILE\n")
        elif block.is_run:
            parts.append(f"at {number}\n{_run(number, block)}")
    return "".join(parts)


def _run(number, block):
    if " && " in block.text or " || " in block.text:  # set -e would not see such a failure.
        raise PageError(f"line {block.line}: write commands as lines of their own, without && ||")
    if "background" in block.asked and "\n\n" in block.text:
        raise PageError(f"line {block.line}: what follows a server needs text before it")
    out = f'"$RUN/{number}"'
    commands, last = block.text, None
    if block.asked.keys() & {"background", "fails"}:
        *first, last = block.text.replace("\\\n", "").rstrip("\n").split("\n")
        commands = "".join(f"{line}\n" for line in first)
    name = f"block{number}"
    parts = [f"{{ :\n{commands}}} > {out} 2>&1 < /dev/null\n"]
    if "until" in block.asked:
        text = _quoted(block.value("until"))
        parts = [f"{name}() {{ :\n{commands}}}\nagain {name} {out} {text}\n"]
    if "fails" in block.asked:
        why = "it was to fail, and did not"
        parts.append(f"if {last} >> {out} 2>&1 < /dev/null; then give_up '{why}'; fi\n")
    if "background" in block.asked:
        parts.append(f"{last.removesuffix('&').rstrip()} >> {out} 2>&1 < /dev/null &\n")
        parts.append(
            f"servers+=($!) outputs+=({out})\nawait {out} {_quoted(block.value('background'))} $!\n"
        )
    return "".join(parts)


def _quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


@functools.cache
def _files():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    return [name for name in listed.split("\0") if name and not name.startswith(LEFT_OUT)]


def copy_checkout(folder):
    for name in _files():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    for name in LINKS:
        (folder / name).symlink_to(ROOT / name)


class Ran:
    """What became of a page: ``printed`` has the output of each block, ``why`` what went wrong."""

    def __init__(self, blocks, folder, code):
        def read(name):
            file = folder / str(name)
            return file.read_text(errors="replace") if file.is_file() else ""

        self.printed = [read(number) for number in range(len(blocks))]
        self.why = ""
        if code != 0:
            at = int(read("at") or 0)
            how = read("why").strip() or f"ended with {code}"
            self.why = f"line {blocks[at].line}: {how}:\n{self.printed[at]}{read('script.log')}"


def run_blocks(blocks, folder):
    """Runs the commands of a page in ``folder``, which is empty."""
    run, home, work = folder / "run", folder / "home", folder / "checkout"
    for each in (run, home, work):
        each.mkdir()
    (home / ".curlrc").write_text(CURL)
    (run / "script.sh").write_text(script_of(blocks))
    copy_checkout(work)
    env = {
        "PATH": ":".join([SYSTEM_PATH, *compilers()]),
        "GOCACHE": str(ROOT / "build" / "engines" / "go-cache"),
        **({"RUSTUP_HOME": str(RUSTUP)} if RUSTUP.is_dir() else {}),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "RUN": str(run),
    }
    with open(run / "script.log", "wb") as log:
        try:
            code = subprocess.run(
                [*_within(), "bash", str(run / "script.sh")],
                cwd=work,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                timeout=PAGE_TIMEOUT_S,
            ).returncode
        except subprocess.TimeoutExpired:
            code = f"no end within {PAGE_TIMEOUT_S} s"
    return Ran(blocks, run, code)
