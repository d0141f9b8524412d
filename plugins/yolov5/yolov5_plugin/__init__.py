"""YOLOv5 on ONNX Runtime: decode the picture, letterbox it, run the model, suppress doubles."""
