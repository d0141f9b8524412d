# SPDX-License-Identifier: Apache-2.0
"""Asks for a price over baidu_std: python test_client.py CONFIG ADDRESS."""

import sys

from paddle_serving_client import Client

client = Client()
client.load_client_config(sys.argv[1])
client.connect([sys.argv[2]])
row = [0.0137, -0.1136, 0.2553, -0.0692, 0.0582, -0.0727, -0.1583]
row += [-0.0584, 0.6283, 0.4919, 0.1856, 0.0795, -0.0332]
fetch_map = client.predict(feed={"x": row}, fetch=["price"], batch=False)
print(fetch_map)
