# SPDX-License-Identifier: Apache-2.0
"""Batches of the first generation, and a warm-up that can fail: for shim_batch_test.cc."""

settings = {}


def wrapperInit(config):
    settings.update(config)
    return 0


def wrapperWarmup(config):
    if config["warmup"] == "raise":
        raise OSError("no kernel")


def wrapperBatchExec(params, reqData):
    if params[0].get("batch") == "short":
        return []
    if params[0].get("batch") == "raise":
        raise MemoryError("too many")
    return [one(p, r) for p, r in zip(params, reqData)]


def one(params, items):
    fail = params.get("fail")
    if fail == "raise":
        return ValueError("bad item " + params["name"])
    if fail == "code":
        return 77
    if fail == "type":
        return [5]
    data = items[0]["data"].upper()
    return [{"key": "out", "data": data, "len": len(data), "status": 0, "type": 0}]


def wrapperError(code):
    return f"own text of {code}"
