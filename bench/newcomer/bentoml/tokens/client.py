# SPDX-License-Identifier: Apache-2.0
import bentoml

with bentoml.SyncHTTPClient("http://127.0.0.1:3000") as client:
    for token in client.predict(count=20):
        print(token, flush=True)
