# SPDX-License-Identifier: Apache-2.0
"""Requests of OpenAI's API for the demos, by Python's own HTTP client: JSON, events, and forms."""

import json
import urllib.error
import urllib.request
import uuid

from demo_loader import DemoError

TIMEOUT_S = 300


def post(address, path, body, media="application/json"):
    """The answer, open, with its body unread."""
    url = f"http://{address}{path}"
    request = urllib.request.Request(url, body, {"Content-Type": media})
    # A proxy in the environment is not for this machine's own ports.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        return opener.open(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        text = error.read(2000).decode(errors="replace")
        raise DemoError(f"POST {url}: expected 200, got {error.code}: {text}") from error
    except OSError as error:
        raise DemoError(f"POST {url}: {error}") from error


def post_json(address, path, value):
    return post(address, path, json.dumps(value).encode())


def events(answer):
    """The chunks of a stream as they come, up to its `data: [DONE]`."""
    for line in answer:
        text = line.decode().strip()
        if text == "data: [DONE]":
            return
        if text.startswith("data: "):
            chunk = json.loads(text.removeprefix("data: "))
            if "error" in chunk:
                raise DemoError(f"expected text, got the error {chunk['error']}")
            yield chunk
    raise DemoError("expected data: [DONE], got the end of the stream")


def post_file(address, path, fields, file):
    """As a browser's form: the fields, and the file under the name `file`."""
    border = uuid.uuid4().hex
    parts = [
        f'--{border}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = (
        f'--{border}\r\nContent-Disposition: form-data; name="file"; filename="{file.name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    body = b"".join([*parts, head.encode(), file.read_bytes(), f"\r\n--{border}--\r\n".encode()])
    return post(address, path, body, f"multipart/form-data; boundary={border}")
