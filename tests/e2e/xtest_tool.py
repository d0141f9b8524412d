# SPDX-License-Identifier: Apache-2.0
"""The load tool as a process: an xtest.toml of its own, and the result it wrote."""

import json
import signal
import subprocess
from pathlib import Path

from loader_process import DIE_WITH_PARENT, toml


def binary(binaries):
    return binaries.loader.parent / "xtest"


def default_config():
    return {
        "svcMode": {
            "svcId": "svcName",
            "timeout": 5000,
            "multiThr": 4,
            "loopCnt": 100,
            "plot": False,
            "gpuMon": False,
        },
        "data": {"payload": "input", "expect": "output"},
        "input": {"inputSrc": "input", "name": "data", "type": "text", "interval": 1},
        "output": {"name": "data", "type": "text"},
        "downstream": {"output": -1},
    }


class Xtest:
    """One run in `folder`; `files` become the folder that [input] reads.

    `config` is laid over default_config(); None takes a key out.
    """

    def __init__(self, binaries, folder, files, config=None):
        self.folder, self.binary, self.process = folder, binary(binaries), None
        settings = default_config()
        for section, keys in (config or {}).items():
            merged = {**settings.get(section, {}), **keys}
            settings[section] = {key: value for key, value in merged.items() if value is not None}
        (folder / "input").mkdir(parents=True)
        for name, data in files.items():
            (folder / "input" / name).write_bytes(data)
        (folder / "xtest.toml").write_text(toml(settings), encoding="utf-8")

    def start(self, *arguments, within=(), typed=None):
        """`within` is a command that starts it, `typed` a file for its standard input."""
        (self.folder / "result.json").unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [*DIE_WITH_PARENT, *within, str(self.binary), "-json", "result.json", *arguments],
            cwd=self.folder,
            stdin=typed or subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def wait(self, code=0, timeout_s=60):
        self.out, self.err = self.process.communicate(timeout=timeout_s)
        assert self.process.returncode == code, (self.process.returncode, self.out, self.err)

    def finish(self, code=0, timeout_s=60):
        """The steps of the result."""
        self.wait(code, timeout_s)
        self.result = json.loads(Path(self.folder / "result.json").read_text(encoding="utf-8"))
        return self.result["steps"]

    def latest(self):
        """The folder of the last run."""
        return (self.folder / "log" / "latest").resolve()

    def run(self, *arguments, code=0, **how):
        self.start(*arguments, **how)
        return self.finish(code)


def text_of(step, code):
    return step["codes"][str(code)]["text"]
