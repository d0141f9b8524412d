# SPDX-License-Identifier: Apache-2.0
"""main.py files of users, as the tests need them."""

# ``do`` says what a call tries; what the instances do is in the file events, in their order.
TOOLBOX = """
import builtins, importlib, json, os, sys, time
from pathlib import Path
from aipod.model import AIModelBase, NotSupportedError
from aipod.rpc.server import serve

EVENTS = Path("events").absolute()


def say(what):
    with open(EVENTS, "a") as out:
        out.write(what + "\\n")


def break_once(module, name, fault):
    # Let a function of the host raise what it may, the next time.
    there = importlib.import_module(module)
    sound = getattr(there, name)

    def broken(*_):
        setattr(there, name, sound)
        raise getattr(builtins, fault)("far too long")

    setattr(there, name, broken)


class Model(AIModelBase):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        say(f"load {self.version}")
        self.seen = 0
        weights = self.model_dir() / "weights.json"
        self.weights = json.loads(weights.read_text()) if weights.exists() else None
        if self.version.startswith("slow"):
            while not Path("go").exists():
                time.sleep(0.01)

    def dispose(self):
        super().dispose()
        say(f"dispose {self.version}")

    def train(self, do="", **kwargs):
        self.trainning_logger.append(progress=0, message="begun")
        self.seen = -1
        if do == "until":
            while not Path(kwargs["file"]).exists():
                time.sleep(0.01)
        if do == "forever":
            try:
                while True:
                    time.sleep(0.01)
            except Exception:
                say("swallowed")
            finally:
                say("cleaned up")
        if do == "die":
            os._exit(3)
        if do == "break":
            break_once(**kwargs["what"])
        if do == "raise":
            raise ValueError("loss is nan")
        if do == "set":
            return {1}
        weights = kwargs.get("weights")
        (self.model_dir() / "weights.json").write_text(json.dumps(weights))
        self.trainning_logger.append(progress=100, status="finished")
        return {"trained": kwargs.get("binary_data", b"").hex()}

    def predict(self, do="", **kwargs):
        self.seen += 1
        if do == "pid":
            return os.getpid()
        if do == "break":
            break_once(**kwargs["what"])
        if do == "weights":
            return self.weights
        if do == "size":
            return len(kwargs["binary_data"])
        if do == "info":
            return self.model_info
        if do == "disposed":
            return self.disposed
        if do == "tear":
            with open(self.trainning_logger.log_path, "a") as log:
                log.write('{"progress": 5')
            return None
        if do == "wait":
            say(f"waits {self.version}")
            while not Path(kwargs["file"]).exists():
                time.sleep(0.01)
            return self.disposed
        if do == "numpy":
            import numpy
            return {"scores": numpy.array([[0.5, 1.0]]), "best": numpy.int64(1)}
        if do == "modules":
            return sorted({"grpc", "google.protobuf", "numpy"} & sys.modules.keys())
        if do == "raise":
            raise RuntimeError(kwargs.get("text", "the cause"))
        return self.seen


if __name__ == "__main__":
    serve(Model)
"""
