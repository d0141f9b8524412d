# SPDX-License-Identifier: Apache-2.0
"""A wheel on its way, an environment that has it and nothing of the checkout, AIService from it."""

import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import loader_process

ROOT = Path(__file__).resolve().parents[2]
DIE_WITH_PARENT = ["setpriv", "--pdeathsig", "KILL"]
BUILD_TIMEOUT_S = 900


def run(command, **options):
    """Runs a command to its end; anything but exit code 0 is a fault. Returns its stdout."""
    command = [str(part) for part in command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, **options)
    assert done.returncode == 0, (
        f"{command}: expected exit code 0, got {done.returncode}\n{done.stdout}\n{done.stderr}"
    )
    return done.stdout


class Background:
    """A command that runs while other things are done."""

    def __init__(self, command):
        self._command = [str(part) for part in command]
        self._process = subprocess.Popen(
            [*DIE_WITH_PARENT, *self._command],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._said = None

    def said(self):
        """Waits for its end; what it said."""
        if self._said is None:
            self._said = self._process.communicate(timeout=BUILD_TIMEOUT_S)[0]
        assert self._process.returncode == 0, f"{self._command} failed:\n{self._said}"
        return self._said

    def stop(self):
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._process.stdout.close()


class WheelBuild(Background):
    """`scripts/wheel.sh` for a Python."""

    def __init__(self, python, folder):
        super().__init__([ROOT / "scripts/wheel.sh", python, folder])
        self.python = python

    def wheel(self):
        return Path(self.said().splitlines()[-1])


class Bare:
    """A virtual environment with nothing in it, and what a process in it sees."""

    def __init__(self, python, folder):
        self.folder, self.bin = folder, folder / "bin"
        run([python, "-m", "venv", folder])
        self.env = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AIGES_", "PYTHON", "LD_LIBRARY_PATH", "VIRTUAL_ENV"))
        }
        self.env["PATH"] = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        where = "import sysconfig; print(sysconfig.get_path('purelib'))"
        self.site = Path(self.python(where, folder))

    def pip(self, *arguments):
        pip = [self.bin / "python", "-m", "pip", "--disable-pip-version-check", *arguments]
        return run(pip, env=self.env)

    def run(self, name, *arguments, cwd):
        return run([self.bin / name, *arguments], env=self.env, cwd=cwd)

    def python(self, code, cwd):
        return self.run("python", "-c", code, cwd=cwd).strip()


class Environment(Bare):
    """One that has the wheel."""

    def __init__(self, build, folder):
        super().__init__(build.python, folder)
        self.wheel = build.wheel()
        self.pip("install", f"{self.wheel}[client]", "pytest")


class Loader(loader_process.Loader):
    """AIService as PATH has it, with a wrapper.py in its folder and no setting for Python."""

    def __init__(self, environment, folder, wrapper, **options):
        named = SimpleNamespace(loader="AIService")
        super().__init__(named, folder, config={"instances": {"python": None}}, **options)
        self.env = environment.env
        (folder / "wrapper.py").write_text(wrapper, encoding="utf-8")
