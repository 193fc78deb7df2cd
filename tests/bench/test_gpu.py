"""The GPU answers what the processor answers; on a machine without one, the comparison itself is tried."""

import onnxruntime
import pytest

from bench.gpu import compare
from shared.imaging.phantoms import abdomen
from tests.support.scans import small_grid


@pytest.mark.parametrize("provider", ["cpu", "cuda"])
def test_the_answers_agree(provider):
    if provider == "cuda" and "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("no onnxruntime-gpu in this environment: see docs/gpu.md")
    told = compare(abdomen(small_grid()).volume, provider)
    assert told["device"].startswith(provider)
    for name, figures in told.items():
        if name != "device":
            assert figures["largest score difference"] < 1e-3
            assert figures["other label, of outlined voxels"] < 0.01
