# SPDX-License-Identifier: Apache-2.0
"""What the original's Client and HttpClient 0.9.0 are asked to do with our GeneralModelService.

``cases(housing, reviews, dead)`` gives {name: (call, what it gives)}; the first two have the config
and port of the models fit_a_line and imdb of tests/compat/paddle/models, ``dead`` of nobody.
"""

import numpy as np

ROW = [0.0137, -0.1136, 0.2553, -0.0692, 0.0582, -0.0727, -0.1583]
ROW += [-0.0584, 0.6283, 0.4919, 0.1856, 0.0795, -0.0332]
PRICE = 18.901151657104492
WORDS = [8, 233, 52, 601]
# Of all words as one text, and of the first and the others as two.
ONE_TEXT = [[0.5031053, 0.4968947]]
ONE_SCORES = [[0.1397258], [0.1374024], [0.5752112], [0.1476605]]
TWO_TEXTS = [[0.4972396, 0.5027604], [0.5050605, 0.4949396]]
TWO_SCORES = [[1.0], [0.1597193], [0.6686371], [0.1716435]]


def array(values, dtype="float32"):
    return {"array": np.array(values).tolist(), "dtype": dtype}


def prices(count):
    return {"price": array([[PRICE]] * count)}


def raises(text):
    return {"raises": text}


def message(*tensors):
    return {"outputs": [{"tensor": list(tensors), "engine_name": "GeneralInferOp_0"}]}


def price_tensor(count):
    shown = {"float_data": [PRICE] * count, "elem_type": 1, "shape": [count, 1]}
    return {**shown, "name": "fc_0.tmp_1", "alias_name": "price"}


def words(lod):
    return {"words": array([[word] for word in WORDS], "int64"), "words.lod": lod}


def cases(housing, reviews, dead):
    def call(feed, fetch=("price",), server=housing, client="Client", before=(), **more):
        found = {"client": client, "feed": feed, "fetch": fetch, "before": before, "more": more}
        return {**found, **server}

    def http(*args, **more):
        return call(*args, client="HttpClient", **more)

    wrong = raises("ValueError: The shape of feed tensor x not match.")
    unknown = raises("ValueError: Wrong feed name: z.")
    json_body, batch = [["set_http_proto", False]], {"batch": True}
    small = [["set_request_compress", True], ["set_response_compress", True]]
    two = {"prediction": array(TWO_TEXTS), "scores": array(TWO_SCORES)}
    both, all_words = ["prediction", "scores"], {"server": reviews, **batch}
    one = {"prediction": array(ONE_TEXT), "scores": array(ONE_SCORES)}
    one_price, many = message(price_tensor(1)), message(price_tensor(100))
    flat = {"float_data": sum(TWO_TEXTS, []), "elem_type": 1, "shape": [2, 2]}
    scores = {"float_data": sum(TWO_SCORES, []), "elem_type": 1, "shape": [4, 1]}
    lod_message = message(
        {**flat, "name": "fc_0.tmp_1", "alias_name": "prediction"},
        {**scores, "lod": [0, 1, 4], "name": "sequence_softmax_0.tmp_0", "alias_name": "scores"},
    )
    return {
        "list": (call({"x": ROW}), prices(1)),
        "list-batch": (call({"x": [ROW]}, **batch), wrong),  # Of lists only the elements count.
        "list-short": (call({"x": ROW[:3]}), wrong),
        "array": (call({"x": array(ROW)}), prices(1)),
        "array-batch": (call({"x": array([ROW] * 3)}, **batch), prices(3)),
        "array-float64": (call({"x": array(ROW, "float64")}), prices(1)),
        "feed-in-list": (call([{"x": ROW}]), prices(1)),
        "feed-bare": (call(ROW), prices(1)),
        "feed-unknown": (call({"z": ROW}), unknown),
        "fetch-text": (call({"x": ROW}, "price"), prices(1)),
        "fetch-none": (call({"x": ROW}, None), prices(1)),
        "fetch-unknown": (call({"x": ROW}, ["acc"]), prices(1)),
        "fetch-one-unknown": (call({"x": ROW}, ["acc", "price"]), prices(1)),
        "log-id": (call({"x": ROW}, log_id=99), prices(1)),
        "dead": (call({"x": ROW}, server=dead), None),
        "lod": (
            call(words([0, 4]), ["prediction"], **all_words),
            {"prediction": array(ONE_TEXT)},
        ),
        "lod-out": (
            call(words([0, 1, 4]), both, **all_words),
            {**two, "scores.lod": array([0, 1, 4], "int32")},
        ),
        "lod-all": (
            call(words([0, 4]), None, **all_words),
            {**one, "scores.lod": array([0, 4], "int32")},
        ),
        "http-proto": (http({"x": ROW}), {"message": one_price}),
        "http-json": (http({"x": ROW}, before=json_body), one_price),
        "http-grpc": (
            http({"x": ROW}, before=[["set_use_grpc_client", True]]),
            {"message": one_price},
        ),
        "http-proto-gzip": (
            http({"x": array([ROW] * 100)}, before=small, **batch),
            {"message": many},
        ),
        "http-json-gzip": (
            http({"x": array([ROW] * 100)}, before=json_body + small, **batch),
            many,
        ),
        "http-lod": (http(words([0, 1, 4]), both, **all_words), {"message": lod_message}),
        "http-unknown": (http({"z": ROW}), unknown),
        "http-dead": (http({"x": ROW}, server=dead), None),
    }
