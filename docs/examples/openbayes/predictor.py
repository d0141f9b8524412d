# SPDX-License-Identifier: Apache-2.0
"""Names the colour of a picture: a predictor as users of OpenBayes write it."""

import json as jsonlib
from io import BytesIO

import numpy as np
import openbayes_serving as serv
from PIL import Image


class Predictor:
    def __init__(self):
        with open("classes.json") as f:
            self.classes = {name: np.array(rgb) for name, rgb in jsonlib.load(f).items()}

    def predict(self, payload, params):
        if isinstance(payload, dict):
            mean = np.array(payload["rgb"], dtype=float)
        else:
            image = Image.open(BytesIO(payload)).convert("RGB")
            mean = np.asarray(image).reshape(-1, 3).mean(axis=0)
        distance = {name: np.linalg.norm(mean - rgb) for name, rgb in self.classes.items()}
        nearest = sorted(distance, key=distance.get)
        top = int(params.get("top", 1))
        return {"label": nearest[0], "top": nearest[:top], "mean": mean.round(1)}


if __name__ == "__main__":
    serv.run(Predictor)
