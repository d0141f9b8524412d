# SPDX-License-Identifier: Apache-2.0
"""A folder with a bare Debian, Python and nothing else, to change root into."""

import os
import shutil
import subprocess
from pathlib import Path

from environment import Background

ROOT = Path(__file__).resolve().parents[2]
# Kept: one takes a minute and a half to make.
PLACES = {
    "bookworm": ROOT / "build" / "debian-root",
    "trixie": ROOT / "build" / "debian-root-trixie",
}
# What lets pip in a root reach an index as pip on this machine does.
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
INDEX_FILES = ("/etc/pip.conf", "/etc/resolv.conf", CERTIFICATES)
# /proc and /dev are there in a mount namespace only, which goes with its last process.
ENTER = (
    'mount -t proc proc "$0/proc" && mount --bind /dev "$0/dev" && '
    'folder=$1 && shift && exec chroot "$0" /usr/bin/env -C "$folder" "$@"'
)
MAKE = (
    'exec 9>"$0.lock" && flock 9 && { [ ! -d "$0" ] || exit 0; } && '
    'rm -rf "$0.part" && debootstrap --variant=minbase --include=python3,python3-venv '
    '"$1" "$0.part" && mv "$0.part" "$0"'
)


def why_not(suite="bookworm"):
    """Why there can be no such root here; empty: there can."""
    if os.geteuid() != 0:
        return "changing root needs root"
    if not PLACES[suite].is_dir() and shutil.which("debootstrap") is None:
        return "no debootstrap on this machine; scripts/setup.sh test installs it"
    tried = subprocess.run(["unshare", "--mount", "true"], capture_output=True, text=True)
    return "" if tried.returncode == 0 else f"no mount namespaces here: {tried.stderr.strip()}"


class RootBuild(Background):
    """debootstrap, unless it was done before."""

    def __init__(self, suite="bookworm"):
        self._place = PLACES[suite]
        self._place.parent.mkdir(exist_ok=True)
        # What it mounts goes with it.
        made = ["unshare", "--mount", "sh", "-c", MAKE, self._place, suite]
        super().__init__(["true"] if self._place.is_dir() else made)

    def root(self):
        self.said()
        return self._place


def open_to_the_index(root):
    """Lets pip in that root reach the index that pip reaches here; what its environment needs."""
    for file in map(Path, INDEX_FILES):
        if file.is_file():
            (root / file.relative_to("/")).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, root / file.relative_to("/"))
    env = {
        name: value
        for name, value in os.environ.items()
        if name in ("PIP_INDEX_URL", "PIP_DEFAULT_TIMEOUT") or name.lower().endswith("_proxy")
    }
    if Path(CERTIFICATES).is_file():
        env |= {"PIP_CERT": CERTIFICATES, "SSL_CERT_FILE": CERTIFICATES}
    return env


def within(root, folder):
    """The command that a command is started by, to run in a folder of that root."""
    return ["unshare", "--mount", "sh", "-c", ENTER, str(root), str(folder)]
