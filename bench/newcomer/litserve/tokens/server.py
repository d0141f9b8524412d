# SPDX-License-Identifier: Apache-2.0
import time

import litserve as ls
from fastapi.middleware.cors import CORSMiddleware


class Tokens(ls.LitAPI):
    def setup(self, device):
        pass

    def predict(self, request):
        for number in range(request["count"]):
            time.sleep(0.02)
            yield f"t{number}"

    def encode_response(self, output):
        for token in output:
            yield {"token": token}


if __name__ == "__main__":
    cors = {"allow_origins": ["*"], "allow_methods": ["*"], "allow_headers": ["*"]}
    server = ls.LitServer(Tokens(stream=True), middlewares=[(CORSMiddleware, cors)])
    server.run(port=8000)
