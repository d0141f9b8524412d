#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How much an image adds to the image it stands on, as a registry would keep it: compressed.

    docker/image_size.py IMAGE BASE [--most MB]

Both images are asked of podman. --most: exit 1 where it is more.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tarfile
import zlib
from typing import IO


def layers_of(image: str) -> list[str]:
    """The digests of an image's layers, the lowest first."""
    command = ["podman", "image", "inspect", image]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"image_size: expected an image of podman, got {image}: {done.stderr.strip()}")
    return [each.removeprefix("sha256:") for each in json.loads(done.stdout)[0]["RootFS"]["Layers"]]


def compressed(file: IO[bytes]) -> int:
    """Bytes of a file after gzip, as registries compress layers."""
    packer, size = zlib.compressobj(6, wbits=31), 0
    while block := file.read(1 << 20):
        size += len(packer.compress(block))
    return size + len(packer.flush())


def added_bytes(image: str, base: str) -> int:
    """The compressed layers of `image` that `base` does not have."""
    ours, theirs = layers_of(image), layers_of(base)
    if ours[: len(theirs)] != theirs:
        sys.exit(
            f"image_size: expected {image} to be made FROM {base}, its lowest layers are others"
        )
    mine, size = set(ours[len(theirs) :]), 0
    command = ["podman", "save", "--quiet", "--format", "docker-archive", image]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as saving:
        with tarfile.open(fileobj=saving.stdout, mode="r|") as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isfile() else None
                if file is not None and member.name.removesuffix(".tar") in mine:
                    size += compressed(file)
    if saving.returncode != 0:
        sys.exit(f"image_size: podman save {image}: exit code {saving.returncode}")
    return size


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("image", help="an image of podman")
    parser.add_argument("base", help="the image that it was made FROM")
    parser.add_argument("--most", type=float, metavar="MB", help="exit 1 where it is more")
    asked = parser.parse_args()
    megabytes = added_bytes(asked.image, asked.base) / 1e6
    print(f"{asked.image}: {megabytes:.1f} MB compressed on top of {asked.base}")
    if asked.most is not None and megabytes > asked.most:
        print(f"image_size: expected {asked.most:g} MB at most", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
