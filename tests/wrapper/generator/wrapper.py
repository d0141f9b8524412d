# SPDX-License-Identifier: Apache-2.0
"""A plain generator: for shim_generator_test.cc."""

import time

ended = []


class Wrapper:
    def wrapperOnceExec(self, params, reqData, usrTag):
        if params.get("what") == "ended":
            yield ",".join(ended)
            return
        try:
            data = b"".join(node.data for node in reqData.list).decode()
            for n in range(int(params.get("n", 3))):
                time.sleep(float(params.get("pause", 0)))
                if params.get("bad") == str(n):
                    raise ValueError("bad token")
                if params.get("odd") == str(n):
                    yield [b"x" * 1_000_000, 5]
                yield {
                    "key": "out",
                    "data": f"{data}{n}",
                    "len": 0,
                    "type": 0,
                    "status": 2,  # The user's own is not heeded.
                }
        finally:
            ended.append(usrTag)
