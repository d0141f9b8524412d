# SPDX-License-Identifier: Apache-2.0
"""What services of Paddle Serving import and start: ``serve``, ``Server``, web services."""

from paddle_serving_server.version import serving_server_version as __version__

__all__ = ["__version__"]
