# SPDX-License-Identifier: Apache-2.0
"""Certificates for tests, made by openssl."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


@dataclass(frozen=True)
class Certificate:
    cert: Path
    key: Path

    @property
    def pair(self):
        return str(self.cert), str(self.key)


class Authority:
    """Signs certificates; `file` is what others trust."""

    def __init__(self, folder, name="test authority"):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.file = folder / "ca.pem"
        self._run("req", "-x509", *KEY, "-keyout", "ca.key", "-out", "ca.pem", subject=name)

    def _run(self, *command, subject=None):
        subject = ["-subj", f"/CN={subject}" if subject else "/O=nobody"]
        done = subprocess.run(
            ["openssl", *command, "-days", "2", *subject],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def issue(self, name, alternative="IP:127.0.0.1,DNS:localhost", subject="same"):
        self._run(
            *("req", "-x509", *KEY, "-CA", "ca.pem", "-CAkey", "ca.key"),
            *("-keyout", f"{name}.key", "-out", f"{name}.pem"),
            *("-addext", "basicConstraints=critical,CA:FALSE"),
            *("-addext", f"subjectAltName={alternative}"),
            subject=name if subject == "same" else subject,
        )
        return Certificate(self.folder / f"{name}.pem", self.folder / f"{name}.key")


def tls(certificate, **more):
    """[tls] with this certificate."""
    return {"cert": str(certificate.cert), "key": str(certificate.key), **more}
