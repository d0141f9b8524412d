# SPDX-License-Identifier: Apache-2.0
"""Units for what we do otherwise than the original, and for the command; run in a worker."""

import os
import sys
import threading
import time

import numpy as np
import prometheus_client
from seldon_core.metrics import create_counter, create_gauge, create_timer
from seldon_core.user_model import SeldonComponent, SeldonResponse

OWN = prometheus_client.Counter("own_things", "What the model counts by itself.")
LATE = prometheus_client.Counter("late", "What has its first series after ours.", ["colour"])


class Better:
    """Does by name what the original fails at."""

    def __init__(self, delay=0.0):
        self.calls, self.loads, self.delay = 0, 0, delay
        self.inside, self.most_inside = 0, 0

    def load(self):
        self.loads += 1

    def predict(self, X, names, meta=None):
        self.calls += 1
        if isinstance(X, np.ndarray):
            X += 0.0 if X.dtype.kind == "f" else 0  # In place: it can be written to.
            return X
        if X == "calls":
            return {"calls": self.calls, "loads": self.loads, "pid": os.getpid()}
        if X == "type-error":
            return len(5)
        if X == "numpy":
            return {"a": np.float32(0.5), "b": [np.int64(1)], "c": np.array([1.0])}
        if X == "numpy-list":
            return [np.float64(1.5), np.int64(2)]
        if X == "none":
            return None
        if X == "gate":
            open("at-gate", "w").close()
            while not os.path.exists("gate-open"):
                time.sleep(0.01)
        if X == "slow":
            self.inside += 1
            self.most_inside = max(self.most_inside, self.inside)
            time.sleep(self.delay)
            self.inside -= 1
            return {"most": self.most_inside}
        return X

    def route(self, X, names):
        return np.int64(2)

    def send_feedback(self, features, names, reward, truth, routing=None):
        return {"features": repr(features), "truth": repr(truth)}


class Counted(SeldonComponent):
    """Reports metrics of all kinds."""

    def predict(self, X, names, meta=None):
        if isinstance(X, str) and X == "pid":
            return {"pid": os.getpid()}
        OWN.inc()
        LATE.labels("late").inc()
        return SeldonResponse(X, metrics=[create_counter("answers", 1)])

    def transform_input(self, X, names, meta=None):
        return X

    def metrics(self):
        tagged = {"type": "COUNTER", "key": "tagged", "value": 1, "tags": {"colour": "red"}}
        return [create_counter("calls", 2), create_gauge("level", 7.5),
                create_timer("took", 20.2), tagged]  # fmt: skip

    def send_feedback(self, features, names, reward, truth, routing=None):
        return None


class LoadFails:
    def load(self):
        return self.weights  # An attribute that is not there.

    def predict(self, X, names):
        return X


class LoadIsLater:
    def load(self):
        raise NotImplementedError

    def predict(self, X, names):
        return X


class LoadWaits:
    """Is loaded when a file says so."""

    def load(self):
        while not os.path.exists("go"):
            time.sleep(0.01)

    def predict(self, X, names):
        with open("begun", "w"):
            time.sleep(0.5)
        return X


class Custom:
    """Serves something else beside."""

    def __init__(self, file="custom"):
        self.file = file

    def custom_service(self):
        with open(self.file, "w") as out:
            out.write(threading.current_thread().name)

    def predict(self, X, names):
        return X


class Given:
    """Tells what it was made with."""

    def __init__(self, **kwargs):
        self.given = kwargs

    def predict(self, X, names):
        print("a line of the model", flush=True)
        return {
            "given": self.given,
            "variable": os.environ.get("SAID"),
            "cwd": os.getcwd(),
            "grpc": bool({"grpc", "google.protobuf", "flask"} & set(sys.modules)),
        }
