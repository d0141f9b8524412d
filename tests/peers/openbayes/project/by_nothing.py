# SPDX-License-Identifier: Apache-2.0
"""Asks for nothing; imports Flask only where it answers."""

import openbayes_serving as serv


class Predictor:
    def predict(self):
        from flask import request

        return "class " + request.args.get("n", "1")


if __name__ == "__main__":
    serv.run(Predictor)
