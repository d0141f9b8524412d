# SPDX-License-Identifier: Apache-2.0
"""Sends back the bytes of the body, as an image model does."""

import openbayes_serving as serv


class Predictor:
    def predict(self, data):
        assert type(data) is bytes
        return b"%d bytes: %s" % (len(data), data)


if __name__ == "__main__":
    serv.run(Predictor)
