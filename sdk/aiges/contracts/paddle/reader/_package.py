# SPDX-License-Identifier: Apache-2.0
"""``python -m paddle_serving_app.package``: models for Paddle Serving, from where you keep them.

The original downloads them, unchecked, from a server of Baidu. Here they come from a folder or an
address of yours, and each is compared with NAME.tar.gz.sha256 beside it.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import http.client
import os
import sys
import urllib.parse
import urllib.request
from collections.abc import Generator, Iterator
from typing import IO, Any

__all__ = ["MODELS", "fetch", "main"]

PLACE_VARIABLE = "AIGES_PADDLE_MODELS"
TIMEOUT_S = 60.0
MODELS = {
    "SentimentAnalysis": ("senta_bilstm", "senta_bow", "senta_cnn"),
    "SemanticRepresentation": ("ernie",),
    "ChineseWordSegmentation": ("lac",),
    "ObjectDetection": ("faster_rcnn", "yolov4", "blazeface"),
    "ImageSegmentation": ("unet", "deeplabv3", "deeplabv3+cityscapes"),
    "ImageClassification": ("resnet_v2_50_imagenet", "mobilenet_v2_imagenet"),
    "OCR": ("ocr_rec", "ocr_det"),
}


class PackageError(Exception):
    """Why there is no model; the text is one line for who asked."""


def _is_address(place: str) -> bool:
    return place.startswith(("http://", "https://"))


@contextlib.contextmanager
def _opened(place: str, name: str) -> Generator[IO[bytes] | Any, None, None]:
    """Open a file of the place. Raises PackageError."""
    where = f"{place.rstrip('/')}/{urllib.parse.quote(name) if _is_address(place) else name}"
    try:
        if _is_address(place):
            file: Any = urllib.request.urlopen(where, timeout=TIMEOUT_S)
        else:
            file = open(where, "rb")
    except FileNotFoundError as error:
        raise PackageError(f"{where} is not there: put it there, or say another place") from error
    except (OSError, ValueError) as error:
        raise PackageError(f"cannot read {where}: {error}") from error
    with file:
        yield file


def fetch(name: str, place: str, folder: str = ".") -> str:
    """Write NAME.tar.gz into a folder, and return its path. Raises PackageError.

    ``place``: a folder, or an address of http or https, that has NAME.tar.gz and
    NAME.tar.gz.sha256, as sha256sum writes it. Nothing is written unless both agree.
    """
    archive = f"{name}.tar.gz"
    with _opened(place, f"{archive}.sha256") as file:
        words = file.read(4096).decode("utf-8", "replace").split()
    wanted = words[0].lower() if words else ""
    digest = hashlib.sha256()
    target = os.path.join(folder, archive)
    partial = os.path.join(folder, f".{archive}.{os.getpid()}")
    try:
        with _opened(place, archive) as file, open(partial, "wb") as out:
            for part in iter(lambda: file.read(1 << 20), b""):
                digest.update(part)
                out.write(part)
        if digest.hexdigest() != wanted:
            raise PackageError(f"{archive} of {place} is not what {archive}.sha256 says")
        os.replace(partial, target)
    except (OSError, http.client.HTTPException) as error:
        raise PackageError(f"cannot write {target} from {place}: {error}") from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial)
    return target


def _place(name: str, said: str | None) -> str:
    place = said or os.environ.get(PLACE_VARIABLE, "")
    if not place:
        raise PackageError(
            f"where is the model? Put {name}.tar.gz and {name}.tar.gz.sha256 into a folder or at"
            f" an address of http, and say it by --from or {PLACE_VARIABLE}"
        )
    return place


def _listed() -> Iterator[str]:
    for kind, names in MODELS.items():
        yield "-" * 47
        yield f"{kind}: {' | '.join(names)}"


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m paddle_serving_app.package",
        description="Models for Paddle Serving, from where you keep them.",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--list_model", nargs="*", metavar="KIND", help="list the names of models")
    what.add_argument("--get_model", metavar="NAME", help="write NAME.tar.gz into this folder")
    parser.add_argument(
        "--from",
        dest="place",
        metavar="PLACE",
        help=f"the folder or address with NAME.tar.gz and its .sha256 (or {PLACE_VARIABLE})",
    )
    said = parser.parse_args(arguments)
    if said.get_model is None:
        print("\n".join(_listed()))
        return 0
    try:
        if not any(said.get_model in names for names in MODELS.values()):
            raise PackageError(f"no model is called {said.get_model}: --list_model lists them")
        print(fetch(said.get_model, _place(said.get_model, said.place)))
    except PackageError as error:
        print(f"paddle_serving_app.package: {error}", file=sys.stderr)
        return 1
    return 0
