# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus, which a test asks by its HTTP API."""

import json
import os
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path

from consul_agent import DIE_WITH_PARENT
from free_ports import free_ports
from prerequisites import need

ROOT = Path(__file__).resolve().parents[2]


class Prometheus:
    """Runs with a configuration and further flags; it refuses one with a mistake and ends."""

    def __init__(self, folder, text, *flags):
        named = Path(os.environ.get("AIGES_PROMETHEUS", ROOT / "build" / "tools" / "prometheus"))
        need("" if named.is_file() else f"{named} (scripts/tools.sh test)", "a scrape")
        (port,) = free_ports(1)
        self.address, self.log = f"127.0.0.1:{port}", folder / "prometheus.log"
        (folder / "prometheus.yml").write_text(text, encoding="utf-8")
        command = [*DIE_WITH_PARENT, named, f"--config.file={folder / 'prometheus.yml'}"]
        command += [
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={self.address}",
            *flags,
        ]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def query(self, text):
        """[(labels, value)] of its HTTP API; nothing before it answers."""
        try:
            rows = self.ask("query", query=text)["result"]
        except OSError:
            return []
        return [(row["metric"], float(row["value"][1])) for row in rows]

    def ask(self, path, **query):
        """The data of an answer of /api/v1; OSError before it answers, and for a wrong query."""
        assert self.process.poll() is None, self.log.read_text()
        url = f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]
