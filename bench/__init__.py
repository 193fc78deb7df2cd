"""Measurements: meshes, capacity, latency, cost, soak. Each module is a command."""
