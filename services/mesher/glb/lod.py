"""Levels of detail (the vendor extension MSFT_lod): viewers show organs that are far away with fewer triangles.

A viewer that does not know the extension shows the finest level, which alone belongs to the scene.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.mesher.glb.builder import GltfBuilder

COVERAGE = 0.3
"""Fraction of the screen's height below which the first coarser level is used; each further level at half of that."""


def link_levels(builder: GltfBuilder, counts: Sequence[int]) -> None:
    """Make the nodes after the first `counts[0]` coarser levels of those; `counts` are the nodes of each level.

    Nodes of one label belong together, and all have the material of the finest level.
    """
    nodes, meshes = builder.nodes, builder.meshes
    builder.scene = list(range(counts[0]))
    builder.optional.append("MSFT_lod")
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
    del builder.materials[counts[0] :]
    for best in finest.values():
        levels = len(best.get("extensions", {}).get("MSFT_lod", {}).get("ids", ()))
        best["extras"]["MSFT_screencoverage"] = [COVERAGE / 2**level for level in range(levels)] + [0.0]
