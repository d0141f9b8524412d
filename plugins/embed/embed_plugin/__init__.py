# SPDX-License-Identifier: Apache-2.0
"""Text embeddings by a sentence model that pip installs, on ONNX Runtime."""
