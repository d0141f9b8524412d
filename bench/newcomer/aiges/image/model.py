# SPDX-License-Identifier: Apache-2.0
from PIL.Image import Image


def predict(picture: Image) -> Image:
    picture.thumbnail((64, 64))
    return picture
