# SPDX-License-Identifier: Apache-2.0
"""Clients that call all the time, for tests of what must not be noticed by them."""

import threading


class Load:
    """Client threads that call without a pause; every answer is counted."""

    def __init__(self, loader, threads=16, **options):
        self.loader, self.options = loader, options
        self.ending = threading.Event()
        self.lock = threading.Lock()
        self.codes, self.faults = {}, []
        self.threads = [threading.Thread(target=self._run, args=(i,)) for i in range(threads)]
        for thread in self.threads:
            thread.start()

    def _run(self, number):
        while not self.ending.is_set():
            try:
                answer = self.loader.xsf.do("echo", b"%d" % number, wait_ms=20000, **self.options)
                code = answer.code
                if code == 0 and answer.data("data") != b"%d" % number:
                    code = "another call's answer"
            except Exception as fault:  # The claim is that there is none.
                code = "fault"
                with self.lock:
                    self.faults.append(repr(fault))
            with self.lock:
                self.codes[code] = self.codes.get(code, 0) + 1

    def served(self):
        with self.lock:
            return self.codes.get(0, 0)

    def end(self):
        self.ending.set()
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive(), "a call was never answered"
        return self.codes
