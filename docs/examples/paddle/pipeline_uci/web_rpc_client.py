# SPDX-License-Identifier: Apache-2.0
"""Asks the service: python web_rpc_client.py"""

from paddle_serving_server.pipeline import PipelineClient

client = PipelineClient()
client.connect(["127.0.0.1:9998"])
x = "0.0137, -0.1136, 0.2553, -0.0692, 0.0582, -0.0727, -0.1583, -0.0584, 0.6283, 0.4919, 0.1856, 0.0795, -0.0332"  # noqa: E501
ret = client.predict(feed_dict={"x": x}, fetch=["price"])
print(ret)
