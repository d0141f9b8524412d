# SPDX-License-Identifier: Apache-2.0
"""A streaming wrapper: whatever it yields reaches the client at once."""

import time


class Wrapper:
    def wrapperOnceExec(self, params, reqData):
        pause = float(params.get("pause", "0"))
        for word in reqData.list[0].data.decode().split():
            time.sleep(pause)
            yield word + " "
