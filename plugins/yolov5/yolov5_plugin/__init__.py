# SPDX-License-Identifier: Apache-2.0
"""YOLOv5 on ONNX Runtime: decode the picture, letterbox it, run the model, suppress doubles."""
