# SPDX-License-Identifier: Apache-2.0
"""Async hooks: for shim_async_test.cc."""

import asyncio

from aiges import context

ended = []


class Wrapper:
    async def wrapperOnceExec(self, params, reqData, usrTag):
        if params.get("what") == "ended":
            yield ",".join(sorted(ended))
            return
        try:
            for n in range(int(params.get("n", 3))):
                await asyncio.sleep(float(params.get("pause", 0)))
                if params.get("bad") == str(n):
                    raise ValueError("bad token")
                yield f"{n} {context.usr_tag()} {context.remaining_ms()} {context.cancelled()}"
        finally:
            ended.append(usrTag)
