"""Model folders, their cards and the networks in them."""

import os

# ONNX Runtime's Linux wheels send telemetry to their maker, and write an identifier into the temporary folder. The
# variable is read when the library is imported; `onnxruntime.disable_telemetry_events()` comes too late.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
