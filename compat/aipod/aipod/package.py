# SPDX-License-Identifier: Apache-2.0
"""A zip archive in memory, as ``binary_data`` carries one."""

import io
import zipfile
from pathlib import Path
from typing import Any, Optional


class ZipPackage:
    """Opened with the bytes of a file, with bytes, or with nothing in mode "w"."""

    def __init__(
        self,
        path: Optional[str] = None,
        data: Optional[bytes] = None,
        mode: Any = None,
    ) -> None:
        self.stream: Any = io.BytesIO(data if path is None else Path(path).read_bytes())
        self.package: Any = zipfile.ZipFile(self.stream, mode)

    def read_file(self, arcname: str) -> bytes:
        """Return a file's bytes."""
        data: bytes = self.package.read(arcname)
        return data

    def write_file(
        self, arcname: str, path: Optional[str] = None, data: Optional[bytes] = None
    ) -> None:
        """Add a file of the disk, or bytes."""
        if path is not None:
            self.package.write(path, arcname, zipfile.ZIP_DEFLATED)
        elif data is not None:
            self.package.writestr(arcname, data, zipfile.ZIP_DEFLATED)
        else:
            raise Exception("need input file path or bytes data ")

    def close(self, save_to: Optional[str] = None) -> bytes:
        """End the archive; return its bytes, and save them there."""
        self.package.close()
        data: bytes = self.stream.getvalue()
        if save_to is not None:
            Path(save_to).write_bytes(data)
        self.stream.close()
        self.package = self.stream = None
        return data
