# SPDX-License-Identifier: Apache-2.0
"""Once calls that are begun here and answered later, by a thread that takes them one by one."""

import queue
import threading

from aiges import context

try:
    from aiges_embed import Response, ResponseData, callback
except ImportError:
    from aiges.dto import Response, ResponseData, callback


class Wrapper:
    def wrapperInit(self, config):
        self.calls = queue.Queue()
        threading.Thread(target=self.work, daemon=True).start()
        return 0

    def wrapperOnceExecAsync(self, params, reqData, usrTag):
        self.calls.put((usrTag, reqData.list[0].data))  # What is in reqData is ours to keep.
        return 0  # Begun. Anything else is the answer, as an error.

    def work(self):
        while True:
            tag, data = self.calls.get()
            if context.cancelled(tag):
                continue
            response = Response()
            response.list = [ResponseData(key="result", data=data[::-1])]
            callback(response, tag)  # The answer, once. -1: nobody waits any more.
