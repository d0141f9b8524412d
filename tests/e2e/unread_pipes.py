# SPDX-License-Identifier: Apache-2.0
"""What lies unread in the pipes of another process."""

import fcntl
import os
import struct
import termios
from pathlib import Path


def unread_bytes(pid):
    """Bytes in the pipes whose reading end the process has; 0 when it is gone.

    Opening /proc/PID/fd/N gives the same pipe; the flags in fdinfo say which end it is.
    """
    total = 0
    try:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            total += _unread(pid, entry)
    except OSError:
        return total
    return total


def _unread(pid, entry):
    try:
        if not os.readlink(entry).startswith("pipe:"):
            return 0
        flags = Path(f"/proc/{pid}/fdinfo/{entry.name}").read_text(encoding="ascii")
        access = int(flags.split("flags:")[1].split()[0], 8) & os.O_ACCMODE
        if access != os.O_RDONLY:
            return 0
        pipe = os.open(entry, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))[0]
    finally:
        os.close(pipe)
