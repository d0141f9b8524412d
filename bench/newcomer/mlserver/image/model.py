# SPDX-License-Identifier: Apache-2.0
import io
from typing import List

from mlserver import MLModel
from mlserver.codecs import decode_args
from PIL import Image


class Thumbnail(MLModel):
    @decode_args
    async def predict(self, picture: List[bytes]) -> List[bytes]:
        image = Image.open(io.BytesIO(picture[0]))
        image.thumbnail((64, 64))
        output = io.BytesIO()
        image.save(output, "PNG")
        return [output.getvalue()]
