# SPDX-License-Identifier: Apache-2.0
"""What the library inside paddle-serving-client 0.9.0 wants to be loaded with.

It was linked on CentOS 7: with OpenSSL 1.0.2, which the wheel of psycopg2-binary 2.7.7 has inside,
with libpython3.9, and with a private function of glibc. A program that loads it must have no
arguments of its own, as gflags reads them.
"""

import contextlib
import fcntl
import os
import subprocess
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
WHEEL = "psycopg2-binary==2.7.7"
PLATFORM = "--python-version 3.7 --implementation cp --abi cp37m --platform manylinux1_x86_64"
INSIDE = "psycopg2/.libs/"
LIBRARIES = ("libcrypto", "libssl")  # libssl-c0c2ede4.so.1.0.2q is wanted as libssl.so.10.


def _made(python, folder):
    """Fill ``folder``: the libraries of the wheel under both names, and dl_sym.so."""
    with tempfile.TemporaryDirectory() as place:
        pip = [python, "-m", "pip", "--disable-pip-version-check", "download", "-q", "--no-deps"]
        options = ["--only-binary", ":all:", *PLATFORM.split(), "-d", place]
        subprocess.run([*pip, *options, WHEEL], check=True)
        (wheel,) = Path(place).glob("*.whl")
        with zipfile.ZipFile(wheel) as inside:
            for name in inside.namelist():
                if name.startswith(INSIDE):
                    (folder / Path(name).name).write_bytes(inside.read(name))
    for name in LIBRARIES:
        (file,) = folder.glob(f"{name}-*.so.1.0.2*")
        with contextlib.suppress(FileExistsError):
            (folder / f"{name}.so.10").symlink_to(file.name)
    linked = ["-shared", "-fPIC", f"-Wl,--version-script={HERE / 'dl_sym.map'}", "-ldl"]
    output = ["-o", folder / "dl_sym.so"]
    subprocess.run(["cc", HERE / "dl_sym.c", *linked, *output], check=True)


def environment(python):
    """Variables for a program of the environment's Python that uses the original's Client."""
    folder = Path(python).parents[1] / "client_libraries"
    stamp = folder / "complete"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.is_file():
            folder.mkdir(exist_ok=True)
            _made(python, folder)
            stamp.touch()
    ask = "import sysconfig; print(sysconfig.get_config_var('LIBDIR'))"
    libpython = subprocess.check_output([python, "-c", ask], text=True).strip()
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONPATH" and "proxy" not in k.lower()}
    return {
        **kept,
        "LD_LIBRARY_PATH": f"{folder}{os.pathsep}{libpython}",
        "LD_PRELOAD": str(folder / "dl_sym.so"),
    }
