# SPDX-License-Identifier: Apache-2.0
"""What is asked of pipelines with models: uci_housing_model and imdb_model, of Paddle."""

ROW = "0.0137, -0.1136, 0.2553, -0.0692, 0.0582, -0.0727, -0.1583, -0.0584, 0.6283, 0.4919, 0.1856"
ROW += ", 0.0795, -0.0332"
OTHER = ", ".join(["0.5"] * 13)
SERVICES = ("uci", "uci-processes", "uci-all", "uci-batched", "imdb", "imdb-batched")
HANGS_S = 4
BATCHED = {"batch_size": 4, "auto_batching_timeout": 1000}
FEEDS = (
    *("skip", "float64", "int", "as-list", "missing", "other", "more", "lod-more", "text"),
    *("one-dimension", "narrow", "no-rows", "rows-as-list", "list-one-wrong"),
)


def uci(name, service="uci", **given):
    body = {"key": list(given), "value": list(given.values()), "logid": 6}
    return {"name": name, "service": service, "by": "http", "path": "/uci/prediction", "body": body}


def imdb(name, service="imdb", **given):
    return {**uci(name, service, **given), "path": "/imdb/prediction"}


def together(name, asked, made):
    service = f"{made.__name__}-batched"
    some = [made(str(at), service, **each) for at, each in enumerate(asked)]
    return {"name": name, "service": service, "by": "together", "cases": some}


def model_cases():
    floats = [float(each) for each in ROW.split(",")]
    tensor = {"name": "x", "elem_type": 1, "shape": [1, 13], "float_data": floats}
    yield uci("uci-row", x=ROW)
    yield uci("uci-rows", x=f"{ROW};{OTHER};{ROW}")
    yield {**uci("uci-tensor"), "body": {"tensors": [tensor]}}
    for do in FEEDS:
        yield uci(f"uci-{do}", x=f"{ROW};{OTHER}", do=do)
    yield uci("uci-after", x=ROW)
    yield uci("uci-processes-row", "uci-processes", x=ROW)
    yield uci("uci-processes-other", "uci-processes", x=ROW, do="other")
    yield uci("uci-all-row", "uci-all", x=ROW)
    for name, asked in {
        "four": [{"x": ROW}, {"x": f"{OTHER};{ROW}"}, {"x": OTHER}, {"x": ROW}],
        "one-other": [{"x": ROW}, {"x": ROW, "do": "other"}, {"x": OTHER}, {"x": ROW}],
        "one-skips": [{"x": ROW}, {"x": ROW, "do": "skip"}, {"x": OTHER}, {"x": ROW}],
    }.items():
        yield together(f"uci-batched-{name}", asked, uci)
    yield imdb("imdb-lod-list", words="8;233 52 601", lod="list")
    # The original's thread ends: it looks for a row of LoD for each word.
    yield {**imdb("imdb-one", words="8 233 52 601"), "limit_s": HANGS_S}
    yield {**imdb("imdb-two", words="8;233 52 601"), "limit_s": HANGS_S}
    yield together(
        "imdb-batched",
        [{"words": "8"}, {"words": "233 52 601"}, {"words": "8;5 5"}, {"words": "601 601"}],
        imdb,
    )
