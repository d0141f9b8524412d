# SPDX-License-Identifier: Apache-2.0
"""Clients that call a container until it no longer takes calls, and count what they were told."""

import http.client
import io
import json
import threading

from aiges.client import Client, Unavailable
from PIL import Image


def first_line(picture):
    """The headline of mmocr's page: read in a moment also where a core is busy."""
    out = io.BytesIO()
    with Image.open(io.BytesIO(picture)) as image:
        image.crop((0, 0, image.width, 40)).save(out, "PNG")
    return out.getvalue()


class Callers:
    """Threads that call all the time, until the service refuses; every end is counted.

    `patient` ones go on where they were refused, as by a proxy that has no host for a moment.
    `body` and `query` are a call of HTTP's raw mode, `payload` that of gRPC, which answers `key`.
    """

    def __init__(self, container, expected, body, query, payload, key, *, patient=False):
        self.container, self.expected = container, expected
        self.body, self.query, self.payload, self.key = body, query, payload, key
        self.right, self.wrong, self.refused = [], [], 0
        self.patient, self.leaving = patient, False
        calls = (self._http, self._grpc, self._http)
        self.threads = [threading.Thread(target=self._run, args=(call,)) for call in calls]
        for thread in self.threads:
            thread.start()

    def _http(self):
        """What was answered; None: refused at the door."""
        connection = http.client.HTTPConnection(self.container.http, timeout=60)
        try:
            connection.connect()
        except ConnectionRefusedError:
            return None
        try:
            connection.request("POST", f"/v1/raw/svcName?{self.query}", self.body)
            answer = connection.getresponse()
            said = answer.read()
        finally:
            connection.close()
        if answer.status == 503:  # Draining, in the words of the service.
            return None
        return json.loads(said) if answer.status == 200 else f"{answer.status}: {said!r}"

    def _grpc(self):
        try:
            with Client(self.container.grpc, timeout_s=60, retries=0) as client:
                return json.loads(client.once([self.payload], expect=[self.key]).text(self.key))
        except Unavailable as refused:
            return f"lost: {refused}" if refused.maybe_ran else None

    def _run(self, call):
        while not self.leaving:
            try:
                said = call()
            except Exception as fault:  # The claim is that there is none.
                said = repr(fault)
            if said is None:
                self.refused += 1
                if not self.patient:
                    return
                continue
            (self.right if said == self.expected else self.wrong).append(said)
            if self.wrong:
                return

    def end(self):
        for thread in self.threads:
            thread.join(90)
            assert not thread.is_alive(), "a call was never answered"

    def leave(self):
        """Ends after the calls in hand, while the service goes on."""
        self.leaving = True
        self.end()
