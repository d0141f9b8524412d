# SPDX-License-Identifier: Apache-2.0
import json

from aipod.model import AIModelBase
from aipod.rpc.server import serve
from aipod.trainlog import Progressor


class UserModel(AIModelBase):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        weights = self.model_dir() / "weights.json"
        self.weights = json.loads(weights.read_text()) if weights.exists() else None

    def train(self, steps=3, **kwargs):
        progress = Progressor(steps)
        for step in range(1, steps + 1):
            self.trainning_logger.append(progress=progress.calculate(step), stage="train")
        weights = {"factor": self.model_info["factor"] * steps}
        (self.model_dir() / "weights.json").write_text(json.dumps(weights))
        self.trainning_logger.append(progress=100, status="finished")

    def predict(self, x, **kwargs):
        if self.weights is None:
            raise Exception("train it first")
        return {"y": self.weights["factor"] * x}


serve(UserModel)
