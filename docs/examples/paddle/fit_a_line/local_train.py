# SPDX-License-Identifier: Apache-2.0
"""Trains prices of houses on made-up data, and saves the model for Paddle Serving."""

import numpy as np
import paddle
import paddle_serving_client.io as serving_io

paddle.enable_static()
x = paddle.static.data("x", [None, 13], "float32")
y = paddle.static.data("y", [None, 1], "float32")
price = paddle.static.nn.fc(x, 1)
loss = paddle.mean(paddle.nn.functional.square_error_cost(price, y))
paddle.optimizer.Adam(0.5).minimize(loss)

made = np.random.RandomState(7)
rows = made.uniform(-0.6, 0.6, (400, 13)).astype("float32")
prices = (rows @ np.linspace(-8, 8, 13)[:, None] + 22).astype("float32")
exe = paddle.static.Executor(paddle.CPUPlace())
exe.run(paddle.static.default_startup_program())
for _ in range(300):
    (cost,) = exe.run(feed={"x": rows, "y": prices}, fetch_list=[loss])
print(f"loss {float(cost):.4f}")
serving_io.save_model(
    *("uci_housing_model", "uci_housing_client"),
    *({"x": x}, {"price": price}),
    paddle.static.default_main_program(),
)
