# SPDX-License-Identifier: Apache-2.0
import inflection
import litserve as ls


class Underscore(ls.LitAPI):
    def setup(self, device):
        pass

    def predict(self, request):
        return {"output": inflection.underscore(request["text"])}


if __name__ == "__main__":
    server = ls.LitServer(Underscore())
    server.run(port=8000)
