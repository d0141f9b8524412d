# SPDX-License-Identifier: Apache-2.0
"""Once calls that mostly wait: they run side by side on one event loop."""

import asyncio

from aiges import context


class Wrapper:
    async def wrapperOnceExec(self, params, reqData):
        words = reqData.list[0].data.decode().split()
        answers = []
        for word in words:
            if context.cancelled():  # Nobody waits: asks no further.
                break
            answers.append(await self.ask(word))
        return " ".join(answers)

    async def ask(self, word):
        await asyncio.sleep(0.05)  # A database, another service.
        return word[::-1]
