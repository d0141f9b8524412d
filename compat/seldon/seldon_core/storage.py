# SPDX-License-Identifier: Apache-2.0
"""Where model files lie: what an init container has brought is on disk already."""

import os
from typing import Optional
from urllib.parse import unquote, urlsplit

__all__ = ["Storage"]


class Storage:
    """Finds the folder of a model."""

    @staticmethod
    def download(uri: str, out_dir: Optional[str] = None) -> str:
        """Return the folder of ``file://`` or of a path that is there; links to it in ``out_dir``.

        Raises Exception for what lies elsewhere.
        """
        path = unquote(urlsplit(uri).path) if uri.startswith("file://") else uri
        if not uri.startswith("file://") and not os.path.exists(uri):
            raise Exception(
                f"Cannot recognize storage type for {uri}: expected file:// or a path that exists"
            )
        if not os.path.exists(path):
            raise RuntimeError(f"Local path {uri} does not exist.")
        if out_dir is None:
            return path
        os.makedirs(out_dir, exist_ok=True)
        for name in [path] if os.path.isfile(path) else _children(path):
            link = os.path.join(out_dir, os.path.basename(name))
            if not os.path.lexists(link):
                os.symlink(os.path.abspath(name), link)
        return out_dir


def _children(folder: str) -> list:
    """Return the paths of what lies in a folder."""
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
