# SPDX-License-Identifier: Apache-2.0
"""One turn of a newcomer: the user's folder and commands, the seconds to the first answer."""

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

from newcomer_systems import free_port
from processes import die_with_parent

POLL_S = 0.005
ANSWER_LIMIT_S, STOP_LIMIT_S, COMMAND_LIMIT_S = 60, 15, 60
STATE = re.compile(r"(\.|source|export|cd) ")  # Lines that are for the lines after them.
COMMENTS = ("#", "//", "<!--")


class Failed(Exception):
    """A turn that did not go as it should."""


class Turn(NamedTuple):
    seconds: float
    note: str  # What else there is to tell, beginning with a comma, or "".


def written(folder):
    """(lines, commands) of a user in that folder."""
    lines = 0
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.name != "commands" and "__pycache__" not in file.parts:
            said = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
            lines += sum(1 for line in said if line and not line.startswith(COMMENTS))
    return lines, len(commands_of(folder))


def commands_of(folder):
    """What the user types; a line that ends with a backslash goes on in the next."""
    text = (folder / "commands").read_text(encoding="utf-8").replace("\\\n", "")
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def turn(system, case):
    with tempfile.TemporaryDirectory(prefix="aiges-newcomer-") as name:
        folder, home = Path(name, "project"), Path(name, "home")
        home.mkdir()
        shutil.copytree(system.folder(case.name), folder)
        port = free_port()
        commands = [moved(line, system, port) for line in commands_of(folder)]
        for file in folder.rglob("*"):
            if file.suffix in {".py", ".html", ".json", ".toml"}:
                file.write_text(moved(file.read_text("utf-8"), system, port), encoding="utf-8")
        case.prepare(folder, system)
        shell = Shell(folder, system.environment(home, port, case.name))
        return Commands(shell, system, case, port).run(commands)


def moved(text, system, port):
    """The text with a free port in the place of the system's usual one."""
    return re.sub(rf"\b{system.port}\b", str(port), text)


class Shell:
    """The user's terminals: one folder, one environment, and the lines that all begin with."""

    def __init__(self, folder, environment):
        self.folder, self.environment, self.state = folder, environment, []

    def start(self, line, output, error=subprocess.STDOUT):
        script = "\n".join([*self.state, line])
        return subprocess.Popen(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=error,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )

    def run(self, line, until=None):
        """(what it printed, when `until` was in that, when it ended, its exit code)"""
        with self.start(line, subprocess.PIPE, subprocess.DEVNULL) as process:
            limit = threading.Timer(COMMAND_LIMIT_S, signal_group, (process.pid, signal.SIGKILL))
            limit.start()
            text, seen = b"", None
            while part := os.read(process.stdout.fileno(), 1 << 16):
                text += part
                if seen is None and until and re.search(until, text.decode("utf-8", "replace")):
                    seen = time.monotonic()
            end = time.monotonic()
            limit.cancel()
        return text.decode("utf-8", "replace"), seen, end, process.returncode


class Commands:
    """What a user types in a case, one after the other."""

    def __init__(self, shell, system, case, port):
        self.shell, self.system, self.case, self.port = shell, system, case, port
        self.log = shell.folder.parent / "log"

    def run(self, commands):
        serve = [line for line in commands if line.endswith(" &")]
        if not serve:
            return self.alone(commands)
        at = commands.index(serve[0])
        for line in commands[:at]:
            self.before(line)
        with self.log.open("w") as log:
            begin = time.monotonic()
            server = self.shell.start(f"exec {self.system.serving(serve[0][:-2], self.port)}", log)
        try:
            answered, note = self.first(server, commands[at + 1])
            outputs = [self.checked(line) for line in commands[at + 1 :]]
            self.case.check(self.shell.folder, outputs)
        except AssertionError as error:
            raise Failed(f"{error}{self.log_end()}") from None
        finally:
            note_of_end = self.end(server)
        return Turn(answered - begin, note + note_of_end)

    def before(self, line):
        if STATE.match(line):
            self.shell.state.append(line)
            return
        text, _, _, code = self.shell.run(line)
        if code:
            raise Failed(f"`{line}` ended with {code}: {text[-2000:]}")

    def alone(self, commands):
        """No server: the last command is the one that tells."""
        for line in commands[:-1]:
            self.before(line)
        begin = time.monotonic()
        text, _, end, code = self.shell.run(commands[-1] + " 2>&1")
        if code:
            raise Failed(f"`{commands[-1]}` ended with {code}: {text[-3000:]}")
        self.case.check(self.shell.folder, [text])
        return Turn(end - begin, "")

    def first(self, server, line):
        """(when the first right answer was there, what is to be told of it)"""
        until, text = time.monotonic() + ANSWER_LIMIT_S, ""
        while True:
            if server.poll() is not None:
                raise Failed(f"the server ended with {server.returncode}{self.log_end()}")
            if time.monotonic() > until:
                said = f"no right answer within {ANSWER_LIMIT_S} s, the last: {text[-500:]!r}"
                raise Failed(said + self.log_end())
            if not connects(self.port):
                time.sleep(POLL_S)
                continue
            text, seen, end, code = self.shell.run(line, self.case.first)
            began = seen or self.case.first is None
            if code == 0 and began and self.case.right(self.shell.folder):
                return seen or end, self.case.note(end - (seen or end))
            time.sleep(POLL_S)

    def checked(self, line):
        text, _, _, code = self.shell.run(line)
        assert code == 0, f"`{line}` ended with {code}: {text[-2000:]}"
        return text

    def end(self, server):
        """Ends the server as Ctrl-C does; what is to be told of that."""
        begin, note = time.monotonic(), ""
        signal_group(server.pid, signal.SIGINT)
        try:
            server.wait(STOP_LIMIT_S)
            took = time.monotonic() - begin
            while signal_group(server.pid, 0) and time.monotonic() < begin + STOP_LIMIT_S:
                time.sleep(POLL_S)
            if signal_group(server.pid, 0):
                note = ", left processes behind"
            elif connects(self.port):
                note = ", its port is still open"
            elif took > 3:
                note = f", {took:.1f} s to end"
        except subprocess.TimeoutExpired:
            note = f", did not end within {STOP_LIMIT_S} s of Ctrl-C"
        signal_group(server.pid, signal.SIGKILL)
        server.wait()
        return note

    def log_end(self):
        return f"; it printed at last:\n{self.log.read_text('utf-8', 'replace')[-3000:]}"


def connects(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def signal_group(group, number):
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True
