# SPDX-License-Identifier: Apache-2.0
"""The model repository that the original and we serve alike: a copy of models/."""

import shutil
from pathlib import Path

MODELS = Path(__file__).resolve().parent / "models"
UNLOADED = ("fails", "later")  # Loaded by a case, or not at all.
LOADED = sorted({folder.name for folder in MODELS.iterdir()} - set(UNLOADED))


def copied_to(folder):
    """A repository of its own, since cases load from it and servers write into it."""
    shutil.copytree(MODELS, folder)
    (folder / "chain" / "1").mkdir(exist_ok=True)  # An ensemble has a version, but no file.
    return folder
