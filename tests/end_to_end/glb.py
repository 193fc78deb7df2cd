"""Reads a GLB back with trimesh, and what its extras say with nothing but the standard library."""

import json
import struct
from pathlib import Path

import numpy as np
import trimesh


def document(path: Path) -> dict:
    """The JSON chunk of a GLB (glTF 2.0, section 4.4)."""
    content = path.read_bytes()
    magic, version, length, size, kind = struct.unpack("<4sIIII", content[:20])
    assert (magic, version, length, kind) == (b"glTF", 2, len(content), 0x4E4F534A)
    return json.loads(content[20 : 20 + size])


def meshes(path: Path) -> dict[str, trimesh.Trimesh]:
    return dict(trimesh.load(path).geometry)


def centre_lps(path: Path, name: str) -> np.ndarray:
    """Where an organ's centre of mass lies in the patient: glTF metres (x, y, z) are LPS mm (x, -z, y) / 1000."""
    x, y, z = meshes(path)[name].center_mass * 1000.0
    return np.array([x, -z, y]) + document(path)["asset"]["extras"]["center_lps_mm"]
