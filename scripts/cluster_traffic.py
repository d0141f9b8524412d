# SPDX-License-Identifier: Apache-2.0
"""Clients of the cluster demo: they call all the time, and every call is counted."""

import io
import json
import statistics
import threading
import time
from collections import defaultdict
from typing import NamedTuple

from aiges.balance import RetryBudget
from aiges.client import AigesError, Client, DataType, Payload
from demo_loader import DemoError
from PIL import Image
from skimage import data

CALL_LIMIT_S = 20
EXPECTED = "segmentation"  # In the heading of the page.


def heading_of_page():
    """The first line of the demo's page on a small sheet: OCR takes a fifth of a second for it."""
    page = data.page()
    sheet = Image.new("L", (300, 300), 255)
    sheet.paste(Image.fromarray(page[:44, :300]), (0, 0))
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()


def text_of(reply):
    return " ".join(line["text"] for line in json.loads(reply.text("boxes"))["lines"])


class Call(NamedTuple):
    ms: float
    host: str  # The address that answered, empty when none did.
    error: str


class CountedBudget(RetryBudget):
    """The client's budget of retries, which also says how many it gave out."""

    def __init__(self):
        super().__init__()
        self.taken = 0

    def take(self):
        given = super().take()
        self.taken += given
        return given


class Traffic:
    """Threads that call a target until the block ends."""

    def __init__(self, target, threads, picture):
        self.client = Client(target, timeout_s=CALL_LIMIT_S, idempotent=True, retries=2)
        self.budget = self.client._core.budget = CountedBudget()
        self.picture = [Payload("img", picture, DataType.IMAGE)]
        self._calls, self._lock, self._stop = [], threading.Lock(), threading.Event()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind, *_):
        self.end(at_once=kind is not None)

    def end(self, at_once=False):
        """Waits for the calls in flight, or makes them fail. May be called twice."""
        self._stop.set()
        if at_once:
            self.client.close()
        for thread in self._threads:
            thread.join(CALL_LIMIT_S + 5)
        self.client.close()

    def _work(self):
        while not self._stop.is_set():
            begin, host, error = time.monotonic(), "", ""
            try:
                reply = self.client.once(self.picture, expect=["boxes"])
                host = reply.host
                if EXPECTED not in text_of(reply):
                    error = f"expected the word {EXPECTED}, got {text_of(reply)!r}"
            except (AigesError, LookupError, ValueError) as e:
                error = f"{type(e).__name__}: {e}"
            if error:
                self._stop.wait(0.1)
            with self._lock:
                self._calls.append(Call((time.monotonic() - begin) * 1000, host, error))

    def calls(self):
        """The calls that ended so far."""
        with self._lock:
            return list(self._calls)


class Count:
    """What became of the calls of some traffic from one moment to another."""

    def __init__(self, *traffic):
        self._traffic, self._begin = traffic, time.monotonic()
        self._done = [len(each.calls()) for each in traffic]
        self._retries = [each.budget.taken for each in traffic]

    def calls(self):
        """All that ended since, be it that they began before."""
        pairs = zip(self._traffic, self._done)
        return [call for each, done in pairs for call in each.calls()[done:]]

    def retried(self):
        return sum(t.budget.taken - was for t, was in zip(self._traffic, self._retries))

    def errors(self):
        return [call.error for call in self.calls() if call.error]

    def answered(self):
        return len(self.calls()) - len(self.errors())

    def text(self):
        return f"{self.answered()} answered, {self.retried()} retried, {len(self.errors())} failed"

    def text_of_proxy(self):
        """The client sees one host and has no other to try."""
        return f"{self.answered()} answered, {len(self.errors())} failed"

    def watch(self, seconds, least=1):
        """Lets the calls go on for so long, and until so many have an answer; tells every 2 s."""
        begin = time.monotonic()
        while (passed := time.monotonic() - begin) < seconds or self.answered() < least:
            if passed > seconds + CALL_LIMIT_S:
                raise DemoError(f"expected {least} answers within {passed:.0f} s: {self.text()}")
            time.sleep(min(2.0, max(0.1, seconds - passed)))
            print(f"  {time.monotonic() - self._begin:4.1f} s  {self.text()}")

    def expect_failed(self, most, why):
        if len(self.errors()) > most:
            shown = "\n".join(f"    {error}" for error in self.errors()[:5])
            raise DemoError(f"expected at most {most} failed calls {why}, got:\n{shown}")

    def by_host(self):
        """{address: [ms, ..]} of the calls with an answer."""
        found = defaultdict(list)
        for call in self.calls():
            if not call.error:
                found[call.host].append(call.ms)
        return found


def p50(times):
    return f"{statistics.median(times):.0f}" if times else "-"
