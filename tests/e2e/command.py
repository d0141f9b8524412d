# SPDX-License-Identifier: Apache-2.0
"""Runs of AIService that end by themselves: bad starts, -check, -init and the like."""

import subprocess
from dataclasses import dataclass

from loader_process import default_config, environment, toml, write_wrapper

LIMIT_S = 10  # No start may take longer to fail.


@dataclass
class Ended:
    code: int
    out: str
    err: str

    def failed(self, text, code=1):
        """Checks the exit code and that `text` is a whole line of stderr."""
        assert self.code == code, f"expected exit code {code}, got {self.code}: {self.err}"
        assert text in self.err.splitlines(), f"expected the line {text!r} in:\n{self.err}"


class Command:
    """AIService in a folder of its own, with an aiges.toml unless config is None."""

    def __init__(self, binaries, folder, wrapper=None, config=None, text=None):
        self.binary, self.folder = binaries.loader, folder
        folder.mkdir(parents=True, exist_ok=True)
        self.wrapper_folder = write_wrapper(folder, wrapper)
        settings = default_config()
        for section, keys in (config or {}).items():
            settings[section] = {**settings.get(section, {}), **keys}
        if text is None:
            text = toml(settings)
        (folder / "aiges.toml").write_text(text, encoding="utf-8")

    def run(self, *arguments, env=None):
        done = subprocess.run(
            [str(self.binary), *arguments],
            cwd=self.folder,
            env=environment(self.wrapper_folder, env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LIMIT_S,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def serve(self, **options):
        return self.run("-m=0", "-c", "aiges.toml", "-s", "svcName", **options)
