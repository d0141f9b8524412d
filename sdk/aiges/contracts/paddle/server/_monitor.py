# SPDX-License-Identifier: Apache-2.0
"""``python -m paddle_serving_server.monitor``: fetches a model when its done file has changed."""

from __future__ import annotations

import argparse
import ftplib
import logging
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from aiges.contracts.paddle.server._install import install, unpack
from aiges.contracts.paddle.server._reload import MARK
from aiges.contracts.paddle.server._sources import Ftp, Hadoop, Source, check_sum, general

__all__ = ["Monitor", "main"]

_LOG = logging.getLogger("aiges.paddle.monitor")
_FAULTS = (OSError, ValueError, ftplib.Error, EOFError, subprocess.SubprocessError)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("monitor", allow_abbrev=False)
    add = parser.add_argument
    add("--type", default="general", choices=("general", "ftp", "hdfs", "afs"))
    add("--remote_path", required=True, help="the folder with the model and its done file")
    add("--remote_model_name", required=True, help="a folder, or a tar file")
    add("--remote_donefile_name", required=True, help="changes when the model is complete")
    add("--local_path", default=".", help="the folder in which the served model lies")
    add("--local_model_name", default="_serving_model", help="the served model's folder")
    add("--local_timestamp_file", default=MARK, help="what the service looks at")
    add("--local_tmp_path", default="_serving_monitor_tmp", help="where fetched files are first")
    add("--unpacked_filename", default="", help="the model's folder in the tar file")
    add("--interval", type=int, default=10, help="seconds between two looks")
    add("--debug", action="store_true", help="say more")
    add("--general_host", default="", help="a URL, or a folder of this machine")
    add("--ftp_host", default="")
    add("--ftp_port", type=int, default=21)
    add("--ftp_username", default="")
    add("--ftp_password", default="")
    add("--hadoop_bin", default="", help="the hadoop program")
    add("--fs_name", default="")
    add("--fs_ugi", default="")
    return parser


def _source_of(given: argparse.Namespace, parser: argparse.ArgumentParser) -> Source:
    needed = {"ftp": ["ftp_host"], "hdfs": ["hadoop_bin"], "afs": ["hadoop_bin", "fs_name"]}
    for name in needed.get(given.type, []):
        if not getattr(given, name):
            parser.error(f"--{name}: --type {given.type} needs it")
    if given.type == "ftp":
        return Ftp(given.ftp_host, given.ftp_port, given.ftp_username, given.ftp_password)
    if given.type == "general":
        return general(given.general_host)
    return Hadoop(given.hadoop_bin, given.fs_name, given.fs_ugi)


class Monitor:
    """Looks at one model."""

    def __init__(self, given: argparse.Namespace, source: Source) -> None:
        self._source = source
        remote = given.remote_path.rstrip("/")
        self._model = f"{remote}/{given.remote_model_name}"
        self._done = f"{remote}/{given.remote_donefile_name}"
        self._inner, self._mark = given.unpacked_filename, given.local_timestamp_file
        local = Path(given.local_path)
        self._target, self._tmp = local / given.local_model_name, local / given.local_tmp_path
        self._seen = 0.0

    def look(self) -> bool:
        """Fetch the model if its done file is newer than what was fetched. Raises _FAULTS."""
        changed = self._source.changed(self._done)
        if not changed or changed <= self._seen:
            return False
        self._tmp.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=self._tmp))
        try:
            mark = self._source.mark(self._done)
            fetched = self._source.fetch(self._model, folder)
            if not check_sum(mark, fetched) and fetched.is_file():
                _LOG.warning("%s: its done file has no SHA-256 that it could have", self._model)
            install(unpack(fetched, folder, self._inner), self._target, self._mark)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        self._seen = changed
        _LOG.info("%s is the model in %s now", self._model, self._target)
        return True


def main(arguments: Sequence[str] | None = None) -> None:
    """Look again and again, until the process ends."""
    parser = _parser()
    given = parser.parse_args(arguments)
    level = logging.DEBUG if given.debug else logging.INFO
    logging.basicConfig(level=level, format="%(levelname)s %(asctime)s %(message)s")
    if given.interval < 1:
        parser.error("--interval: expected seconds from 1")
    monitor = Monitor(given, _source_of(given, parser))
    while True:
        try:
            if not monitor.look():
                _LOG.debug("nothing new")
        except _FAULTS as fault:
            _LOG.error("the model is not fetched: %s", fault)
        time.sleep(given.interval)
