# SPDX-License-Identifier: Apache-2.0
"""What ``python -m paddle_serving_server.serve`` serves: models, to all of their clients."""
