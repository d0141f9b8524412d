# SPDX-License-Identifier: Apache-2.0
"""A folder with a bare Debian 12, Python and nothing else, to change root into."""

import os
import shutil
import subprocess
from pathlib import Path

from environment import Background

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / "build" / "debian-root"  # Kept: it takes a minute and a half to make.
SUITE = "bookworm"
# /proc and /dev are there in a mount namespace only, which goes with its last process.
ENTER = (
    'mount -t proc proc "$0/proc" && mount --bind /dev "$0/dev" && '
    'folder=$1 && shift && exec chroot "$0" /usr/bin/env -C "$folder" "$@"'
)
MAKE = (
    'exec 9>"$0.lock" && flock 9 && { [ ! -d "$0" ] || exit 0; } && '
    'rm -rf "$0.part" && debootstrap --variant=minbase --include=python3,python3-venv '
    f'{SUITE} "$0.part" && mv "$0.part" "$0"'
)


def why_not():
    """Why there can be no such root here; empty: there can."""
    if os.geteuid() != 0:
        return "changing root needs root"
    if not PLACE.is_dir() and shutil.which("debootstrap") is None:
        return "no debootstrap on this machine; scripts/setup.sh test installs it"
    tried = subprocess.run(["unshare", "--mount", "true"], capture_output=True, text=True)
    return "" if tried.returncode == 0 else f"no mount namespaces here: {tried.stderr.strip()}"


class RootBuild(Background):
    """debootstrap, unless it was done before."""

    def __init__(self):
        PLACE.parent.mkdir(exist_ok=True)
        made = ["unshare", "--mount", "sh", "-c", MAKE, PLACE]  # What it mounts goes with it.
        super().__init__(["true"] if PLACE.is_dir() else made)

    def root(self):
        self.said()
        return PLACE


def within(root, folder):
    """The command that a command is started by, to run in a folder of that root."""
    return ["unshare", "--mount", "sh", "-c", ENTER, str(root), str(folder)]
