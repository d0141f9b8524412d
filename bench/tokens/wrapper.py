# SPDX-License-Identifier: Apache-2.0
"""Yields small items as fast as it can: the price of an item is the host's."""


class Wrapper:
    def wrapperOnceExec(self, params, reqData):
        for _ in range(int(params.get("n", "1"))):
            yield "token"
