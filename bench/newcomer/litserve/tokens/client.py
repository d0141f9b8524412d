# SPDX-License-Identifier: Apache-2.0
import json

import requests

url = "http://127.0.0.1:8000/predict"
response = requests.post(url, json={"count": 20}, stream=True)
for line in response.iter_lines():
    print(json.loads(line)["token"], flush=True)
