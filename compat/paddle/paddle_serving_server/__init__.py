# SPDX-License-Identifier: Apache-2.0
"""What services of Paddle Serving import: ``Server`` and the makers of its workflow."""

from aiges.contracts.paddle.server._api import OpGraphMaker, OpMaker, OpSeqMaker, Server

from paddle_serving_server.version import serving_server_version as __version__

__all__ = ["OpGraphMaker", "OpMaker", "OpSeqMaker", "Server", "__version__"]
