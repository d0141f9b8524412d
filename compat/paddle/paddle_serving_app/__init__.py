# SPDX-License-Identifier: Apache-2.0
"""What code written for Paddle Serving imports to prepare inputs. docs/compat/paddle_reader.md."""

from paddle_serving_app.version import version_tag as __version__

__all__ = ["__version__"]
