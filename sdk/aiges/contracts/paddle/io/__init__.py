# SPDX-License-Identifier: Apache-2.0
"""Models of Paddle 3 as folders that Paddle Serving's servers and clients take."""
