# SPDX-License-Identifier: Apache-2.0
"""Input and output at once: requests are answered as they come, until the client ends its input."""

import asyncio


class Wrapper:
    async def wrapperStream(self, params, requests):
        count = 0
        async for request in requests:
            for node in request.list:
                await asyncio.sleep(0)  # Where a real one awaits its model.
                count += 1
                yield f"{count}: {node.data.decode()}"
