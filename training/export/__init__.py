"""From a checkpoint to a model folder: ONNX, its int8 and fp16 variants, cards."""
