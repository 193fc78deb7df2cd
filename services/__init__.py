"""The services: gateway, three stages, reconciler, and the commands that start them."""

import shared  # noqa: F401 - it must be imported before NumPy
