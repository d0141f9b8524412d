# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path

import httpx
from httpx_sse import connect_sse

url = "http://127.0.0.1:8080/v2/models/tokens/generate_stream"
request = json.loads(Path("request.json").read_text())
with httpx.Client() as client, connect_sse(client, "POST", url, json=request) as source:
    for event in source.iter_sse():
        print(event.json()["outputs"][0]["data"][0], flush=True)
