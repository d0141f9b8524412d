# SPDX-License-Identifier: Apache-2.0
import sys

from aipod.rpc.client import AIClient

model = AIClient(address=sys.argv[1], version="v1")
print("initialize:", model.initialize(factor=2))
print("train:", model.train(steps=4))
print("log:", [entry["progress"] for entry in model.log()])
print("predict:", model.predict(x=5))
