# SPDX-License-Identifier: Apache-2.0
from aiges.client import Client

with Client("http://127.0.0.1:1888") as client:
    for token in client.stream(count=20):
        print(token, flush=True)
