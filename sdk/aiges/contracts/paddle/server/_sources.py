# SPDX-License-Identifier: Apache-2.0
"""Where ``monitor`` fetches models: a folder, HTTP, FTP, or what the hadoop command reaches."""

from __future__ import annotations

import calendar
import email.utils
import ftplib
import hashlib
import logging
import posixpath
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

__all__ = ["Folder", "Ftp", "Hadoop", "Source", "Web", "check_sum", "general"]

_LOG = logging.getLogger("aiges.paddle.monitor")
_TIMEOUT_S = 60
_MOST_MARK = 1 << 16
_SUM = re.compile(rb"^[ \t]*([0-9a-fA-F]{64})\b")


class Source(Protocol):
    """A place with models. What fails raises OSError or ValueError, and is tried again later."""

    def changed(self, path: str) -> float:
        """Return when a file was changed, in seconds; 0 where there is none."""
        ...

    def mark(self, path: str) -> bytes:
        """Return the content of a small file."""
        ...

    def fetch(self, path: str, folder: Path) -> Path:
        """Copy a file or a folder into ``folder``, and return it."""
        ...


def check_sum(mark: bytes, file: Path) -> bool:
    """Return whether the mark has a SHA-256 of the file. Raises ValueError where it is another."""
    found = _SUM.match(mark)
    if found is None or not file.is_file():
        return False
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while piece := content.read(1 << 20):
            digest.update(piece)
    if digest.hexdigest() != found.group(1).decode().lower():
        raise ValueError(f"{file.name}: expected the SHA-256 of the done file, got another")
    return True


class Folder:
    """A folder of this machine."""

    def __init__(self, root: str) -> None:
        self._root = Path(root or "/")

    def _place(self, path: str) -> Path:
        return self._root / path.lstrip("/") if str(self._root) != "/" else Path(path)

    def changed(self, path: str) -> float:
        """Return when a file was changed."""
        try:
            return self._place(path).stat().st_mtime
        except FileNotFoundError:
            return 0

    def mark(self, path: str) -> bytes:
        """Return the content of a small file."""
        with self._place(path).open("rb") as file:
            return file.read(_MOST_MARK)

    def fetch(self, path: str, folder: Path) -> Path:
        """Copy a file or a folder."""
        there, made = self._place(path), folder / posixpath.basename(path.rstrip("/"))
        if there.is_dir():
            shutil.copytree(there, made)
        else:
            shutil.copy2(there, made)
        return made


class Web:
    """A server of HTTP. Certificates are checked."""

    def __init__(self, root: str) -> None:
        self._root = root.rstrip("/")

    def _request(self, path: str, method: str) -> urllib.request.Request:
        url = f"{self._root}/{urllib.parse.quote(path.lstrip('/'))}"
        return urllib.request.Request(url, method=method)

    def changed(self, path: str) -> float:
        """Return when a file was changed; a server that does not say so: when it was there."""
        try:
            request = self._request(path, "HEAD")
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
                said = answer.headers.get("Last-Modified", "")
        except urllib.error.HTTPError as fault:
            fault.close()
            if fault.code == 404:
                return 0
            raise
        parsed = email.utils.parsedate_tz(said)
        return float(email.utils.mktime_tz(parsed)) if parsed else 1.0

    def mark(self, path: str) -> bytes:
        """Return the content of a small file."""
        with urllib.request.urlopen(self._request(path, "GET"), timeout=_TIMEOUT_S) as answer:
            return bytes(answer.read(_MOST_MARK))

    def fetch(self, path: str, folder: Path) -> Path:
        """Copy a file."""
        made = folder / posixpath.basename(path)
        with urllib.request.urlopen(self._request(path, "GET"), timeout=_TIMEOUT_S) as answer:
            expected = answer.headers.get("Content-Length")
            with made.open("wb") as file:
                shutil.copyfileobj(answer, file, 1 << 20)
        if expected is not None and made.stat().st_size != int(expected):
            raise ValueError(f"{path}: expected {expected} bytes, got {made.stat().st_size}")
        return made


def general(host: str) -> Source:
    """Return the source that ``--general_host`` names: a URL, a host, or a folder."""
    if host.startswith("file://"):
        return Folder(host[len("file://") :])
    if host.startswith(("http://", "https://")):
        return Web(host)
    if not host or host.startswith(("/", ".")):
        return Folder(host)
    return Web(f"http://{host}")


class Ftp:
    """A server of FTP; each step has a connection of its own."""

    def __init__(self, host: str, port: int, user: str, password: str) -> None:
        self._address, self._login = (host, port), (user or "anonymous", password)

    def _open(self) -> ftplib.FTP:
        ftp = ftplib.FTP(timeout=_TIMEOUT_S)
        try:
            ftp.connect(*self._address)
            ftp.login(*self._login)
            ftp.voidcmd("TYPE I")
        except ftplib.all_errors:
            ftp.close()
            raise
        return ftp

    def changed(self, path: str) -> float:
        """Return when a file was changed."""
        with self._open() as ftp:
            try:
                said = ftp.sendcmd(f"MDTM {path}").split()[1]
            except ftplib.error_perm:
                return 0
        return float(calendar.timegm(time.strptime(said[:14], "%Y%m%d%H%M%S")))

    def mark(self, path: str) -> bytes:
        """Return the content of a small file."""
        pieces: list[bytes] = []
        with self._open() as ftp:
            ftp.retrbinary(f"RETR {path}", pieces.append)
        return b"".join(pieces)[:_MOST_MARK]

    def fetch(self, path: str, folder: Path) -> Path:
        """Copy a file or a folder."""
        with self._open() as ftp:
            return self._fetch(ftp, path.rstrip("/"), folder)

    def _fetch(self, ftp: ftplib.FTP, path: str, folder: Path) -> Path:
        made = folder / posixpath.basename(path)
        try:
            with made.open("wb") as file:
                ftp.retrbinary(f"RETR {path}", file.write)
            return made
        except ftplib.error_perm:
            made.unlink()
        names = [posixpath.basename(name) for name in ftp.nlst(path)]
        made.mkdir()
        for name in names:
            if name not in ("", ".", "..") and name != posixpath.basename(path):
                self._fetch(ftp, f"{path}/{name}", made)
        return made


class Hadoop:
    """What ``hadoop fs`` reaches: HDFS, and AFS with a name and a user."""

    def __init__(self, program: str, name: str = "", ugi: str = "") -> None:
        self._words = [program, "fs"]
        if name:
            self._words += ["-D", f"fs.default.name={name}"]
        if ugi:
            self._words += ["-D", f"hadoop.job.ugi={ugi}"]

    def _run(self, *words: str) -> bytes:
        command: Sequence[str] = [*self._words, *words]
        ended = subprocess.run(command, capture_output=True, timeout=3600)
        if ended.returncode:
            said = ended.stderr.decode("utf-8", "replace").strip().splitlines()
            raise OSError(f"hadoop fs {words[0]}: {said[-1] if said else ended.returncode}")
        return ended.stdout

    def changed(self, path: str) -> float:
        """Return when a file was changed."""
        try:
            said = self._run("-stat", "%Y", path).decode().split()
        except OSError as fault:
            if "No such file" in str(fault):
                return 0
            raise
        return int(said[-1]) / 1000

    def mark(self, path: str) -> bytes:
        """Return the content of a small file."""
        return self._run("-cat", path)[:_MOST_MARK]

    def fetch(self, path: str, folder: Path) -> Path:
        """Copy a file or a folder."""
        self._run("-get", path, str(folder))
        return folder / posixpath.basename(path.rstrip("/"))
