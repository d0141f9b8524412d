# SPDX-License-Identifier: Apache-2.0
"""Contract ``paddle``: services and clients written for Paddle Serving."""
