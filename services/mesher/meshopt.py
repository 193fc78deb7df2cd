"""The two codecs of EXT_meshopt_compression that a mesh needs: attributes (version 0) and triangles (version 1).

Both follow the bit stream in the extension's specification; a decoder in any viewer undoes them byte by byte.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.mesher.checks import twins
from services.mesher.surface import Ints

Bytes = NDArray[np.uint8]
_GROUP = 16
_BLOCK_BYTES = 8192
_MOST_IN_BLOCK = 256
_FIFO = 15
_AUX = bytes.fromhex("00768756 6778a986 65896898 01690000")
_AUX_INDEX = {code: index for index, code in reversed(list(enumerate(_AUX[:14])))}


def encode_attributes(data: Bytes) -> bytes:
    """Encode `data`, uint8 (count, stride), stride a multiple of 4 up to 256."""
    count, stride = data.shape
    most = min(_BLOCK_BYTES // stride // _GROUP * _GROUP, _MOST_IN_BLOCK)
    before = np.concatenate([data[:1], data[:-1]])
    change = (data - before).view(np.int8)
    zigzag = ((change >> 7) ^ (change << 1)).view(np.uint8)
    parts = [b"\xa0"]
    for first in range(0, count, most):
        parts.append(_encode_block(zigzag[first : first + most]))
    tail = data[0].tobytes()
    parts.append(b"\0" * max(0, 32 - stride) + tail)
    return b"".join(parts)


def _encode_block(zigzag: Bytes) -> bytes:
    """One block: per byte of the stride the headers of its groups of 16, then the groups."""
    count, stride = zigzag.shape
    groups = -(-count // _GROUP)
    padded = np.zeros((groups * _GROUP, stride), dtype=np.uint8)
    padded[:count] = zigzag
    planes = padded.T.reshape(stride, groups, _GROUP)
    sizes = np.stack(
        [
            np.where(planes.any(axis=2), 99, 0),
            4 + (planes >= 3).sum(axis=2),
            8 + (planes >= 15).sum(axis=2),
            np.full((stride, groups), _GROUP),
        ]
    )
    mode = sizes.argmin(axis=0)
    header = np.zeros((stride, -(-groups // 4) * 4), dtype=np.uint8)
    header[:, :groups] = mode
    packed = header[:, 0::4] | header[:, 1::4] << 2 | header[:, 2::4] << 4 | header[:, 3::4] << 6
    parts = []
    for plane in range(stride):
        parts.append(packed[plane].tobytes())
        parts += [_encode_group(planes[plane, group], int(mode[plane, group])) for group in range(groups)]
    return b"".join(parts)


def _encode_group(values: Bytes, mode: int) -> bytes:
    if mode == 0:
        return b""
    if mode == 3:
        return values.tobytes()
    sentinel = 3 if mode == 1 else 15
    small = np.minimum(values, sentinel)
    if mode == 1:
        head = small[0::4] << 6 | small[1::4] << 4 | small[2::4] << 2 | small[3::4]
    else:
        head = small[0::2] << 4 | small[1::2]
    return head.astype(np.uint8).tobytes() + values[values >= sentinel].tobytes()


@dataclass(frozen=True, slots=True, eq=False)
class Ordered:
    """Triangles in an order that encodes well: the encoded `codes`, and the old number of each new vertex."""

    codes: bytes
    vertices: Ints


def encode_triangles(faces: Ints, vertices: int) -> Ordered:
    """Encode the triangles (m, 3) of a closed surface, walking from each to a neighbour and numbering on the way.

    Every triangle but the first of each component shares an edge with one just encoded, and about half bring a new
    vertex, so most take one byte.
    """
    walk = _Walk(faces, vertices)
    for seed in range(len(faces)):
        if not walk.done[seed]:
            walk.start(seed)
            while walk.step():
                pass
    return Ordered(walk.finish(), np.array(walk.order, dtype=np.int32))


class _Walk:
    """The encoder's memory: the last edges and vertices, by the serial number at which each was remembered."""

    def __init__(self, faces: Ints, vertices: int) -> None:
        self.twin = twins(faces, vertices).tolist()
        self.vertex = faces.reshape(-1).tolist()
        self.done = bytearray(len(faces))
        self.number = [-1] * vertices
        self.order: list[int] = []
        self.edges: list[int] = []
        self.older: list[int] = []
        self.seen = [-_FIFO * 2] * vertices
        self.pushed = 0
        self.last = 0
        self.codes = bytearray(b"\xe1")
        self.data = bytearray()

    def start(self, face: int) -> None:
        """Encode a triangle that shares no remembered edge."""
        self.done[face] = 1
        corners = [3 * face, 3 * face + 1, 3 * face + 2]
        new = [self.number[self.vertex[corner]] < 0 for corner in corners]
        turn = new.index(True) if True in new else 0
        corners = corners[turn:] + corners[:turn]
        places = [self.pushed - self.seen[self.vertex[corner]] for corner in corners]
        kinds = []
        for position, corner in enumerate(corners):
            if self._is_new(self.vertex[corner]):
                kinds.append(0)
            else:
                kinds.append(places[position] if position and places[position] < _FIFO else 15)
        aux = kinds[1] << 4 | kinds[2]
        if kinds[0] == 0 and aux in _AUX_INDEX:
            self.codes.append(0xF0 | _AUX_INDEX[aux])
        else:
            self.codes.append(0xFF if kinds[0] else 0xFE)
            self.data.append(aux)
        for kind, corner in zip(kinds, corners, strict=True):
            if kind == 15:
                self._write(self.number[self.vertex[corner]])
            if kind in {0, 15}:
                self._remember(self.vertex[corner])
        self.edges += corners
        self.older += corners

    def step(self) -> bool:
        """Encode a neighbour of a remembered edge; False where all of them are done."""
        twin, done, edges = self.twin, self.done, self.edges
        count = len(edges)
        for distance in range(min(count, _FIFO)):
            corner = twin[edges[count - 1 - distance]]
            if not done[corner // 3]:
                break
        else:
            return self._restart()
        face = corner // 3
        done[face] = 1
        following = corner + 1 if corner % 3 < 2 else corner - 2
        opposite = following + 1 if following % 3 < 2 else following - 2
        self.codes.append(distance << 4 | self._third(self.vertex[opposite]))
        edges += (following, opposite)
        self.older += (following, opposite)
        return True

    def _restart(self) -> bool:
        """Go on from an older edge, which the decoder has forgotten."""
        while self.older:
            face = self.twin[self.older.pop()] // 3
            if not self.done[face]:
                self.start(face)
                return True
        return False

    def _third(self, vertex: int) -> int:
        """The code of the vertex opposite the shared edge."""
        if self._is_new(vertex):
            self._remember(vertex)
            return 0
        place = self.pushed - 1 - self.seen[vertex]
        if 1 <= place < 13:
            return place
        number, last = self.number[vertex], self.last
        self._remember(vertex)
        if number + 1 == last or number == last + 1:
            self.last = number
            return 13 if number < last else 14
        self._write(number)
        return 15

    def _is_new(self, vertex: int) -> bool:
        if self.number[vertex] >= 0:
            return False
        self.number[vertex] = len(self.order)
        self.order.append(vertex)
        return True

    def _remember(self, vertex: int) -> None:
        self.seen[vertex] = self.pushed
        self.pushed += 1

    def _write(self, number: int) -> None:
        """A vertex number as the zigzag of its distance from the last one written, seven bits a byte."""
        change = number - self.last
        self.last = number
        value = change << 1 if change >= 0 else (-change << 1) - 1
        while value > 127:
            self.data.append(value & 127 | 128)
            value >>= 7
        self.data.append(value)

    def finish(self) -> bytes:
        """The stream: codes, their data, and the table of common codes."""
        return bytes(self.codes + self.data) + _AUX
