"""Networks for other programs, and from them: PyTorch modules, ONNX files."""
