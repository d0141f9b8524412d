# SPDX-License-Identifier: Apache-2.0
import bentoml
from PIL.Image import Image


@bentoml.service
class Thumbnail:
    @bentoml.api
    def predict(self, picture: Image) -> Image:
        picture.thumbnail((64, 64))
        return picture
