"""GPU and processor give the same results; on a machine without a GPU only the comparison is tested."""

import onnxruntime
import pytest

from bench.gpu import compare
from shared.imaging.phantoms import abdomen
from tests.support.scans import small_grid


@pytest.mark.parametrize("provider", ["cpu", "cuda"])
def test_the_results_agree(provider):
    if provider == "cuda" and "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("no onnxruntime-gpu in this environment: see docs/gpu.md")
    sides = compare(abdomen(small_grid()).volume, provider)
    assert sides["device"].startswith(provider)
    for name, figures in sides.items():
        if name != "device":
            assert figures["largest score difference"] < 1e-3
            assert figures["other label, of outlined voxels"] < 0.01
