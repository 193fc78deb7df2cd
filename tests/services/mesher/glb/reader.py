"""Reads GLB files back: plain ones, and EXT_meshopt_compression by the specification, apart from the encoder."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

_AUX = bytes([0x00, 0x76, 0x87, 0x56, 0x67, 0x78, 0xA9, 0x86, 0x65, 0x89, 0x68, 0x98, 0x01, 0x69, 0, 0])
_TYPES = {5120: np.int8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}


def parse(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The JSON document and the binary chunk."""
    magic, version, length = struct.unpack_from("<4sII", data)
    assert (magic, version, length) == (b"glTF", 2, len(data))
    chunks, at = {}, 12
    while at < len(data):
        size, kind = struct.unpack_from("<I4s", data, at)
        chunks[kind] = data[at + 8 : at + 8 + size]
        at += 8 + size
    return json.loads(chunks[b"JSON"]), chunks.get(b"BIN\0", b"")


def view(document: dict[str, Any], binary: bytes, number: int) -> bytes:
    """A buffer view's bytes, decompressed."""
    entry = document["bufferViews"][number]
    packed = entry.get("extensions", {}).get("EXT_meshopt_compression")
    if packed is None:
        return binary[entry["byteOffset"] : entry["byteOffset"] + entry["byteLength"]]
    raw = binary[packed["byteOffset"] : packed["byteOffset"] + packed["byteLength"]]
    if packed["mode"] == "TRIANGLES":
        return decode_triangles(raw, packed["count"]).astype(np.uint32).tobytes()
    decoded = decode_attributes(raw, packed["count"], packed["byteStride"])
    return (octahedral(decoded) if packed.get("filter") == "OCTAHEDRAL" else decoded).tobytes()


def accessor(document: dict[str, Any], binary: bytes, number: int) -> NDArray[Any]:
    """An accessor's values."""
    entry = document["accessors"][number]
    kind = np.dtype(_TYPES[entry["componentType"]])
    width = {"SCALAR": 1, "VEC3": 3}[entry["type"]]
    raw = view(document, binary, entry["bufferView"])
    stride = document["bufferViews"][entry["bufferView"]].get("byteStride", width * kind.itemsize)
    rows = np.frombuffer(raw, dtype=np.uint8).reshape(entry["count"], stride)[:, : width * kind.itemsize]
    return np.ascontiguousarray(rows).view(kind)


def decode_attributes(raw: bytes, count: int, stride: int) -> NDArray[np.uint8]:
    """Mode ATTRIBUTES, version 0."""
    assert raw[0] == 0xA0
    last = np.frombuffer(raw[-stride:], dtype=np.uint8).copy()
    block = min(8192 // stride & ~15, 256)
    out = np.zeros((count, stride), dtype=np.uint8)
    at = 1
    for first in range(0, count, block):
        size = min(block, count - first)
        groups = -(-size // 16)
        for column in range(stride):
            header = raw[at : at + -(-groups // 4)]
            at += len(header)
            change = bytearray()
            for group in range(groups):
                values, at = _group(raw, at, header[group // 4] >> group % 4 * 2 & 3)
                change += values
            zigzag = np.frombuffer(bytes(change[:size]), dtype=np.uint8)
            delta = (zigzag >> 1) ^ (0 - (zigzag & 1))
            out[first : first + size, column] = last[column] + np.cumsum(delta, dtype=np.uint8)
        last = out[first + size - 1]
    assert len(raw) - at == max(32, stride)
    return out


def _group(raw: bytes, at: int, mode: int) -> tuple[bytes, int]:
    if mode == 0:
        return bytes(16), at
    if mode == 3:
        return raw[at : at + 16], at + 16
    bits = 2 * mode
    packed = raw[at : at + 2 * bits]
    at += len(packed)
    values = bytearray()
    for byte in packed:
        for shift in range(8 - bits, -1, -bits):
            value = byte >> shift & (1 << bits) - 1
            if value == (1 << bits) - 1:
                value = raw[at]
                at += 1
            values.append(value)
    return bytes(values), at


def decode_triangles(raw: bytes, count: int) -> NDArray[np.int64]:
    """Mode TRIANGLES, version 1."""
    assert raw[0] == 0xE1
    codes, data, aux = raw[1 : 1 + count // 3], iter(raw[1 + count // 3 : -16]), raw[-16:]
    assert aux == _AUX
    edges: list[tuple[int, int]] = []
    vertices: list[int] = []
    state = {"next": 0, "last": 0}
    out: list[int] = []

    def new_vertex() -> int:
        state["next"] += 1
        return state["next"] - 1

    def read_number() -> int:
        value, shift = 0, 0
        while True:
            byte = next(data)
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        state["last"] += (value >> 1) ^ -(value & 1)
        return state["last"]

    for code in codes:
        if code < 0xF0:
            a, b = edges[-1 - (code >> 4)]
            kind = code & 15
            if kind == 0:
                c = new_vertex()
            elif kind < 13:
                c = vertices[-1 - kind]
            elif kind < 15:
                state["last"] += 1 if kind == 14 else -1
                c = state["last"]
            else:
                c = read_number()
            if kind == 0 or kind >= 13:
                vertices.append(c)
            edges += [(c, b), (a, c)]
        else:
            table = code & 15
            packed = aux[table] if table < 14 else next(data)
            kinds = [0 if table < 15 else 15, packed >> 4, packed & 15]
            known = list(vertices)
            corners = [new_vertex() if k == 0 else -1 if k == 15 else known[-k] for k in kinds]
            corners = [read_number() if k == 15 else corner for k, corner in zip(kinds, corners, strict=True)]
            vertices += [corner for k, corner in zip(kinds, corners, strict=True) if k in {0, 15}]
            a, b, c = corners
            edges += [(b, a), (c, b), (a, c)]
        out += [a, b, c]
    assert next(data, None) is None
    return np.array(out)


def octahedral(data: NDArray[np.uint8]) -> NDArray[np.int8]:
    """The OCTAHEDRAL filter on four bytes."""
    x, y, scale = (data.view(np.int8).astype(np.float64)[:, k] for k in range(3))
    x, y = x / scale, y / scale
    z = 1.0 - np.abs(x) - np.abs(y)
    fold = np.maximum(-z, 0.0)
    x, y = x + np.where(x >= 0, -fold, fold), y + np.where(y >= 0, -fold, fold)
    vector = np.stack([x, y, z], axis=1)
    vector /= np.linalg.norm(vector, axis=1, keepdims=True)
    return np.concatenate([np.rint(vector * 127.0), np.zeros((len(data), 1))], axis=1).astype(np.int8)
