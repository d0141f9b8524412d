# SPDX-License-Identifier: Apache-2.0
import io

import litserve as ls
from fastapi import Response
from PIL import Image


class Thumbnail(ls.LitAPI):
    def setup(self, device):
        pass

    def decode_request(self, request):
        return Image.open(request["picture"].file)

    def predict(self, picture):
        picture.thumbnail((64, 64))
        return picture

    def encode_response(self, picture):
        output = io.BytesIO()
        picture.save(output, "PNG")
        return Response(output.getvalue(), media_type="image/png")


if __name__ == "__main__":
    server = ls.LitServer(Thumbnail())
    server.run(port=8000)
