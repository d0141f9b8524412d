# SPDX-License-Identifier: Apache-2.0
"""Makes a model that takes what fit_a_line gives: ``price_in`` -> ``twice``.

python tests/compat/paddle/models/paddle_chain.py FOLDER
"""

import sys
import warnings
from pathlib import Path

import paddle
from paddle.pir_utils import OldIrGuard
from paddle_serving_client import io as serving_io


def make(folder):
    with warnings.catch_warnings(), OldIrGuard(), paddle.utils.unique_name.guard():
        warnings.simplefilter("ignore")
        paddle.enable_static()
        main, start = paddle.static.Program(), paddle.static.Program()
        with paddle.static.program_guard(main, start):
            data = paddle.static.data("price_in", [None, 1], "float32")
            twice = paddle.scale(data, 2.0)
            constant = paddle.nn.initializer.Constant(1.0)
            twice = paddle.static.nn.fc(
                twice, 1, weight_attr=paddle.ParamAttr(initializer=constant)
            )
        with paddle.static.scope_guard(paddle.static.Scope()):
            paddle.static.Executor(paddle.CPUPlace()).run(start)
            places = (str(Path(folder) / "double_model"), str(Path(folder) / "double_client"))
            serving_io.save_model(*places, {"price_in": data}, {"twice": twice}, main)


if __name__ == "__main__":
    make(sys.argv[1])
