"""Levels of detail (the vendor extension MSFT_lod): a viewer that knows it shows far organs with fewer triangles.

One that doesn't shows the finest level, which alone belongs to the scene.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.mesher.glb_parts import Json

COVERAGE = 0.3
"""The part of the screen's height below which the first coarser level will do; each further one at half of that."""


def link_levels(document: Json, counts: Sequence[int]) -> None:
    """Make the nodes after the first `counts[0]`, which are coarser levels in order, alternatives of those.

    Levels belong together by their label; all have the finest level's material.
    """
    nodes, meshes = document["nodes"], document["meshes"]
    document["scenes"][0]["nodes"] = list(range(counts[0]))
    document["extensionsUsed"] = [*document.get("extensionsUsed", []), "MSFT_lod"]
    finest = {node["extras"]["label"]: node for node in nodes[: counts[0]]}
    number = counts[0]
    for level, count in enumerate(counts[1:], start=1):
        for _ in range(count):
            node = nodes[number]
            best = finest[node["extras"]["label"]]
            best.setdefault("extensions", {}).setdefault("MSFT_lod", {"ids": []})["ids"].append(number)
            node["name"] = meshes[node["mesh"]]["name"] = f"{node['name']}_lod{level}"
            meshes[node["mesh"]]["primitives"][0]["material"] = meshes[best["mesh"]]["primitives"][0]["material"]
            number += 1
    document["materials"] = document["materials"][: counts[0]]
    for best in finest.values():
        levels = len(best.get("extensions", {}).get("MSFT_lod", {}).get("ids", ()))
        best["extras"]["MSFT_screencoverage"] = [COVERAGE / 2**level for level in range(levels)] + [0.0]
