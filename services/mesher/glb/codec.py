"""Encoders of EXT_meshopt_compression: attributes (version 0) and triangles (version 1).

The bit streams are those of the extension's specification ("Bitstreams: Mode 0 and Mode 1"), so any decoder of the
extension reads them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.mesher.surface.topology import twins
from shared.arrays import Int32, UInt8

_GROUP = 16
_BLOCK_BYTES = 8192
_MOST_IN_BLOCK = 256
_FIFO = 15
"""Edges and vertices that a decoder remembers, less the one whose code means something else."""
_AUX = bytes.fromhex("00768756 6778a986 65896898 01690000")
"""The table of common pairs of vertex codes; its last two bytes are never used as an index."""
_AUX_INDEX = {code: index for index, code in reversed(list(enumerate(_AUX[:14])))}


def encode_attributes(data: UInt8) -> bytes:
    """Encode `data` (count, stride); the stride is a multiple of 4 up to 256.

    Each byte becomes its difference from the same byte of the element before, as a zigzag code: 0, -1, 1, -2, ...
    becomes 0, 1, 2, 3, ..., so that small differences are small numbers. The first element is stored at the end.
    """
    count, stride = data.shape
    most = min(_BLOCK_BYTES // stride // _GROUP * _GROUP, _MOST_IN_BLOCK)
    before = np.concatenate([data[:1], data[:-1]])
    difference = (data - before).view(np.int8)
    zigzag = ((difference >> 7) ^ (difference << 1)).view(np.uint8)
    parts = [b"\xa0"]  # mode 0 (attributes), version 0
    for first in range(0, count, most):
        parts.append(_encode_block(zigzag[first : first + most]))
    parts.append(b"\0" * max(0, 32 - stride) + data[0].tobytes())  # the tail has at least 32 bytes
    return b"".join(parts)


def _encode_block(zigzag: UInt8) -> bytes:
    """One block: per byte of the stride, the modes of its groups of 16 elements and then the groups.

    `sizes` has the bytes that each group needs in each of the four modes: all zero; 2 bits each, plus a byte for each
    value from 3 on; 4 bits each, plus a byte for each value from 15 on; plain bytes. The smallest one is taken.
    """
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
    # Four modes of 2 bits are one header byte, the first group in the lowest bits.
    header = np.zeros((stride, -(-groups // 4) * 4), dtype=np.uint8)
    header[:, :groups] = mode
    packed = header[:, 0::4] | header[:, 1::4] << 2 | header[:, 2::4] << 4 | header[:, 3::4] << 6
    parts = []
    for plane in range(stride):
        parts.append(packed[plane].tobytes())
        parts += [_encode_group(planes[plane, group], int(mode[plane, group])) for group in range(groups)]
    return b"".join(parts)


def _encode_group(values: UInt8, mode: int) -> bytes:
    """One group of 16 values: 2 or 4 bits each, the first value in the highest bits.

    All bits set say that the value follows as a byte after the packed bits.
    """
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
class EncodedTriangles:
    """Encoded triangles: the `codes`, and the old number (n,) of each new vertex."""

    codes: bytes
    vertices: Int32


def encode_triangles(faces: Int32, vertices: int) -> EncodedTriangles:
    """Encode the triangles (m, 3) of a closed surface.

    Triangles are visited from neighbour to neighbour, and vertices are numbered in the order of the visit. So every
    triangle but the first of each component shares an edge with one just encoded, and about half have a vertex that is
    new. Most triangles take one byte. Raises ValueError where the surface is not closed.
    """
    walk = _Walk(faces, vertices)
    for seed in range(len(faces)):
        if not walk.done[seed]:
            walk.start(seed)
            while walk.step():
                pass
    return EncodedTriangles(walk.finish(), np.array(walk.order, dtype=np.int32))


class _Walk:
    """The state of the encoder.

    A decoder keeps the last edges and the last vertices in two FIFO queues, and codes name entries by their distance
    from the newest one. Edges are named by the corner at which they start; `edges` has all edges in the order in which
    they entered the queue. For vertices, `seen` has the value of `pushed` (vertices that entered the queue so far) when
    each vertex last entered.
    """

    def __init__(self, faces: Int32, vertices: int) -> None:
        self.twin = twins(faces, vertices).tolist()
        self.vertex = faces.reshape(-1).tolist()
        self.done = bytearray(len(faces))
        self.number = [-1] * vertices  # new number of each old vertex
        self.order: list[int] = []  # old number of each new vertex
        self.edges: list[int] = []
        self.older: list[int] = []
        self.seen = [-_FIFO * 2] * vertices
        self.pushed = 0
        self.last = 0
        self.codes = bytearray(b"\xe1")  # mode 1 (triangles), version 1
        self.data = bytearray()

    def start(self, face: int) -> None:
        """Encode a triangle that shares no edge in the queue.

        Each vertex has a code: 0 a new vertex, 1 to 14 its distance in the queue, 15 its number follows. The first
        vertex is new or numbered, so the triangle is turned until a new vertex is first, if it has one. The codes of
        the other two are one byte (`aux`); a common one is an index into the table, inside the byte of the triangle.
        """
        self.done[face] = 1
        corners = [3 * face, 3 * face + 1, 3 * face + 2]
        new = [self.number[self.vertex[corner]] < 0 for corner in corners]
        turn = new.index(True) if True in new else 0
        corners = corners[turn:] + corners[:turn]
        places = [self.pushed - self.seen[self.vertex[corner]] for corner in corners]
        kinds = []
        for position, corner in enumerate(corners):
            if self._assign_number(self.vertex[corner]):
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
        """Encode a neighbour across one of the edges in the queue, the newest first; False where there is none.

        The byte has the distance of the edge in the upper four bits and the code of the third vertex in the lower four.
        """
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
        """Continue from an older edge that has left the queue; False where the component is done."""
        while self.older:
            face = self.twin[self.older.pop()] // 3
            if not self.done[face]:
                self.start(face)
                return True
        return False

    def _third(self, vertex: int) -> int:
        """The code of the vertex opposite the shared edge.

        0: a new vertex. 1 to 12: its distance in the queue. 13, 14: the number written last, less or plus 1. 15: its
        number follows in the data.
        """
        if self._assign_number(vertex):
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

    def _assign_number(self, vertex: int) -> bool:
        """Number a vertex that has no number yet; whether it had none."""
        if self.number[vertex] >= 0:
            return False
        self.number[vertex] = len(self.order)
        self.order.append(vertex)
        return True

    def _remember(self, vertex: int) -> None:
        """Put a vertex into the queue."""
        self.seen[vertex] = self.pushed
        self.pushed += 1

    def _write(self, number: int) -> None:
        """Write a vertex number: the zigzag code of its difference from the last one, 7 bits per byte, lowest first."""
        change = number - self.last
        self.last = number
        value = change << 1 if change >= 0 else (-change << 1) - 1
        while value > 127:
            self.data.append(value & 127 | 128)
            value >>= 7
        self.data.append(value)

    def finish(self) -> bytes:
        """The stream: codes, their data, and the table of common pairs."""
        return bytes(self.codes + self.data) + _AUX
