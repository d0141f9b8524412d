# SPDX-License-Identifier: Apache-2.0
import litserve as ls


class Upper(ls.LitAPI):
    def setup(self, device):
        pass

    def predict(self, request):
        return {"output": request["text"].upper()}


if __name__ == "__main__":
    server = ls.LitServer(Upper())
    server.run(port=8000)
