"""NumPy starts no threads of its own in any process of the system."""

import os
import subprocess
import sys

import pytest


def printed(code):
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run([sys.executable, "-P", "-c", code], env=kept, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_matrix_product_uses_the_main_thread_alone():
    product = "import numpy as np; np.ones((400, 400)) @ np.ones((400, 400))"
    assert printed(f"import os, shared; {product}; print(len(os.listdir('/proc/self/task')))") == "1"


@pytest.mark.parametrize(
    "module", ["api.app", "classifier.tasks", "segmenter.tasks", "mesher.tasks", "reconciler", "dimse.node", "cli"]
)
def test_every_process_sets_this_before_it_imports_numpy(module):
    names = printed(f"import sys, services.{module}; print(*sys.modules)").split()
    assert "shared" in names
    assert "numpy" not in names[: names.index("shared")]
