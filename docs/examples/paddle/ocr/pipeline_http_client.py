# SPDX-License-Identifier: Apache-2.0
"""Sends a picture: python pipeline_http_client.py PICTURE."""

import base64
import json
import sys
import urllib.request

with open(sys.argv[1], "rb") as file:
    image = base64.b64encode(file.read()).decode()
body = json.dumps({"key": ["image"], "value": [image]}).encode()
with urllib.request.urlopen("http://127.0.0.1:9999/ocr/prediction", body, timeout=60) as answer:
    print(json.load(answer))
