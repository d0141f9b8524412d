# SPDX-License-Identifier: Apache-2.0
"""Makes small models with fixed weights, as folders for servers and clients.

    python tests/compat/paddle/models/paddle_makers.py FOLDER [fit_a_line imdb ocr_det ocr_rec ..]

Each model has FOLDER/<name>_model and FOLDER/<name>_client. Nothing is downloaded.
"""

import sys
import warnings
from pathlib import Path

import numpy as np

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # What Paddle says of compilers.
    import paddle
    from paddle.pir_utils import OldIrGuard

from paddle_serving_client import io as serving_io

WORDS, FEATURES = 1000, 13
# A row like those of the housing data, scaled, and the price that the examples of it give.
ROW = [0.0137, -0.1136, 0.2553, -0.0692, 0.0582, -0.0727, -0.1583]
ROW += [-0.0584, 0.6283, 0.4919, 0.1856, 0.0795, -0.0332]
PRICE = 18.901151657104492


def houses(rows=400, seed=7):
    """Rows of features between -1 and 1, and prices that depend on them with some noise."""
    made = np.random.RandomState(seed)
    x = made.uniform(-0.6, 0.6, (rows, FEATURES)).astype("float32")
    slopes = np.linspace(-8, 8, FEATURES, dtype="float32")
    noise = made.normal(0, 0.5, (rows, 1)).astype("float32")
    return x, x @ slopes[:, None] + 22 + noise


def _fixed(name, *shape):
    """A parameter with weights that depend on its shape only."""
    count = int(np.prod(shape))
    values = (np.sin(np.arange(count, dtype="float64") * 1.7 + len(name)) * 0.3).reshape(shape)
    return paddle.ParamAttr(
        name=name, initializer=paddle.nn.initializer.Assign(values.astype("float32"))
    )


def _save(folder, name, feeds, fetches, start, main, **options):
    with paddle.static.scope_guard(paddle.static.Scope()):
        paddle.static.Executor(paddle.CPUPlace()).run(start)
        serving_io.save_model(
            str(folder / f"{name}_model"),
            str(folder / f"{name}_client"),
            feeds,
            fetches,
            main,
            **options,
        )


def fit_a_line(folder, name="fit_a_line", **options):
    """Linear regression by least squares, which gives ROW the price PRICE."""
    x, y = houses()
    slopes = np.linalg.lstsq(x - x.mean(0), y - y.mean(), rcond=None)[0].astype("float32")
    bias = np.array([PRICE - float(np.array(ROW, "float32") @ slopes[:, 0])], "float32")
    main, start = paddle.static.Program(), paddle.static.Program()
    with paddle.static.program_guard(main, start):
        data = paddle.static.data("x", [None, FEATURES], "float32")
        assign = paddle.nn.initializer.Assign
        price = paddle.static.nn.fc(
            data,
            1,
            weight_attr=paddle.ParamAttr(name="fc_0.w_0", initializer=assign(slopes)),
            bias_attr=paddle.ParamAttr(name="fc_0.b_0", initializer=assign(bias)),
        )
        _save(folder, name, {"x": data}, {"price": price}, start, main, **options)


def imdb(folder, name="imdb", **options):
    """Bag of words with LoD: ``words`` -> ``prediction`` of each text, and ``scores`` of words."""
    main, start = paddle.static.Program(), paddle.static.Program()
    with paddle.static.program_guard(main, start):
        words = paddle.static.data("words", [-1, 1], "int64", lod_level=1)
        vectors = paddle.static.nn.embedding(
            words, [WORDS, 16], param_attr=_fixed("emb", WORDS, 16)
        )
        sequence = paddle.static.nn.sequence_lod
        text = sequence.sequence_pool(vectors, "average")
        prediction = paddle.static.nn.fc(
            text, 2, activation="softmax", weight_attr=_fixed("out", 16, 2), bias_attr=False
        )
        word = paddle.static.nn.fc(vectors, 1, weight_attr=_fixed("word", 16, 1), bias_attr=False)
        scores = sequence.sequence_softmax(word)
        fetches = {"prediction": prediction, "scores": scores}
        _save(folder, name, {"words": words}, fetches, start, main, **options)


def ocr_det(folder, name="ocr_det", **options):
    """Images to a map of the same size: bright places are text. Output ``concat_1.tmp_0``."""
    constant = paddle.nn.initializer.Constant
    main, start = paddle.static.Program(), paddle.static.Program()
    with paddle.static.program_guard(main, start):
        image = paddle.static.data("image", [-1, 3, -1, -1], "float32")
        found = paddle.static.nn.conv2d(
            image,
            1,
            3,
            padding=1,
            act="sigmoid",
            param_attr=paddle.ParamAttr(name="blur", initializer=constant(0.3)),
            bias_attr=paddle.ParamAttr(name="level", initializer=constant(-1.0)),
        )
        fetches = {"concat_1.tmp_0": found}
        _save(folder, name, {"image": image}, fetches, start, main, **options)


def ocr_rec(folder, name="ocr_rec", classes=41, **options):
    """Lines of 32 pixels to characters, with LoD: what OCRReader().postprocess reads."""
    main, start = paddle.static.Program(), paddle.static.Program()
    with paddle.static.program_guard(main, start):
        image = paddle.static.data("image", [-1, 3, 32, -1], "float32")
        rows = _appended("im2sequence", {"X": _columns(image)}, "Out", **_ONE_BY_ONE)
        softmax = paddle.static.nn.fc(
            rows, classes, activation="softmax", weight_attr=_fixed("chars", 8, classes)
        )
        best = _appended("top_k", {"X": softmax}, "Indices", "Out", k=1)
        blank = {"blank": classes - 1, "merge_repeated": True}
        texts = _appended("ctc_align", {"Input": best}, "Output", **blank)
        fetches = {"ctc_greedy_decoder_0.tmp_0": texts, "softmax_0.tmp_0": softmax}
        for var in fetches.values():
            var.desc.set_lod_level(1)
        _save(folder, name, {"image": image}, fetches, start, main, **options)


def ocr_rec_v2(folder, name="ocr_rec_v2", classes=41, **options):
    """Lines of 32 pixels to scores (N, T, classes): what postprocess_ocrv2 reads."""
    main, start = paddle.static.Program(), paddle.static.Program()
    with paddle.static.program_guard(main, start):
        image = paddle.static.data("image", [-1, 3, 32, -1], "float32")
        rows = paddle.transpose(paddle.squeeze(_columns(image), [2]), [0, 2, 1])  # (N, T, 8)
        scores = paddle.static.nn.fc(
            rows,
            classes,
            num_flatten_dims=2,
            activation="softmax",
            weight_attr=_fixed("chars", 8, classes),
        )
        fetches = {"save_infer_model/scale_0.tmp_1": scores}
        _save(folder, name, {"image": image}, fetches, start, main, **options)


_ONE_BY_ONE = {"kernels": [1, 1], "strides": [1, 1], "paddings": [0, 0, 0, 0]}


def _columns(image):
    """(N, 8, 1, T), one column for every four pixels."""
    weights = _fixed("columns", 8, 3, 32, 4)
    return paddle.static.nn.conv2d(
        image, 8, (32, 4), stride=(1, 4), param_attr=weights, bias_attr=False
    )


def _appended(kind, inputs, output, *more, **attributes):
    """The output of an operator that Paddle 3 runs, and has no function for any more."""
    from paddle.base.layer_helper import LayerHelper

    helper = LayerHelper(kind)
    kinds = {"Indices": "int64", "Output": "int64"}
    made = {
        each: helper.create_variable_for_type_inference(kinds.get(each, "float32"))
        for each in (output, *more)
    }
    outputs = {each: [var] for each, var in made.items()}
    helper.append_op(type=kind, inputs=inputs, outputs=outputs, attrs=attributes)
    return made[output]


MAKERS = {
    "fit_a_line": fit_a_line,
    "imdb": imdb,
    "ocr_det": ocr_det,
    "ocr_rec": ocr_rec,
    "ocr_rec_v2": ocr_rec_v2,
}


def make(folder, names=tuple(MAKERS)):
    """Make models as ``.pdmodel`` files: LoD is only in those."""
    with warnings.catch_warnings(), OldIrGuard(), paddle.utils.unique_name.guard():
        warnings.simplefilter("ignore")  # Operators of LoD are said to go some day.
        was_dynamic = paddle.in_dynamic_mode()
        paddle.enable_static()
        for name in names:
            MAKERS[name](Path(folder))
        if was_dynamic:
            paddle.disable_static()


if __name__ == "__main__":
    make(sys.argv[1], sys.argv[2:] or tuple(MAKERS))
