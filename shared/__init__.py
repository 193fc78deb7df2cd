"""Code that two or more services need; it imports no service."""

import os

# NumPy's matrix products are small here. Threads for them take processor time while they wait, and start with NumPy.
# The variable is read when NumPy is imported, which is after this package.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
