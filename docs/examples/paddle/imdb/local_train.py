# SPDX-License-Identifier: Apache-2.0
"""Makes reviews up, trains whether they are kind, and saves the model for Paddle Serving.

Writes imdb.vocab, test_data/part-0, and the folders imdb_model and imdb_client_conf.
"""

import random
from pathlib import Path

import numpy as np
import paddle
import paddle_serving_client.io as serving_io
from paddle_serving_app.reader.imdb_reader import IMDBDataset

KIND = "good fine great lovely clever warm".split()
UNKIND = "bad dull awful slow empty cold".split()
OTHER = "the a film story of and it was with actors scene , . ! ? ( )".split()


def review(made):
    """A line of the dataset: a text, "|" and its label."""
    label = made.randrange(2)
    words = made.choices(OTHER, k=made.randint(8, 20)) + made.choices((UNKIND, KIND)[label], k=4)
    made.shuffle(words)
    return f"{' '.join(words)} | {label}"


made = random.Random(7)
Path("imdb.vocab").write_text("\n".join(OTHER + KIND + UNKIND) + "\n")
Path("test_data").mkdir(exist_ok=True)
Path("test_data/part-0").write_text("".join(review(made) + "\n" for _ in range(50)))

dataset = IMDBDataset()
dataset.load_resource("imdb.vocab")
count = len(OTHER + KIND + UNKIND) + 1  # And one for words that are not there.

with paddle.pir_utils.OldIrGuard():  # Sequences are a matter of Paddle's older programs.
    paddle.enable_static()
    words = paddle.static.data("words", [-1, 1], "int64", lod_level=1)
    label = paddle.static.data("label", [-1, 1], "int64")
    vectors = paddle.static.nn.embedding(words, [count, 16])
    text = paddle.static.nn.sequence_lod.sequence_pool(vectors, "average")
    prediction = paddle.static.nn.fc(text, 2, activation="softmax")
    cost = paddle.mean(
        paddle.nn.functional.cross_entropy(prediction, label, use_softmax=False, reduction="none")
    )
    paddle.optimizer.Adam(0.02).minimize(cost)
    exe = paddle.static.Executor(paddle.CPUPlace())
    exe.run(paddle.static.default_startup_program())
    for _ in range(60):
        texts = [dataset.get_words_and_label(review(made)) for _ in range(32)]
        feed = paddle.base.create_lod_tensor(
            np.concatenate([ids for ids, _ in texts]).astype("int64")[:, None],
            [[len(ids) for ids, _ in texts]],
            paddle.CPUPlace(),
        )
        labels = np.array([label for _, label in texts], "int64")
        (now,) = exe.run(feed={"words": feed, "label": labels}, fetch_list=[cost])
    print(f"cost {float(now):.4f}")
    serving_io.save_model(
        *("imdb_model", "imdb_client_conf"),
        *({"words": words}, {"prediction": prediction}),
        paddle.static.default_main_program(),
    )
