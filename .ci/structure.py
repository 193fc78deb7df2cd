"""Draws the tree and its imports into docs/architecture.md, and refuses import cycles.

    python .ci/structure.py          exits 1 if the page is not current or modules import each other in a circle
    python .ci/structure.py --write  brings the page up to date

Imports inside functions count like all others.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- structure: begin -->", "<!-- structure: end -->"
PACKAGES = ("tests", "bench", "training", "services", "shared", "viscera_client")
Imports = Mapping[str, set[str]]


def main(arguments: list[str]) -> int:
    """Check or write; return the exit status."""
    sys.path.insert(0, str(ROOT))
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    modules = {name: set(graph.find_modules_directly_imported_by(name)) for name in graph.modules}
    folders = grouped(modules)
    for kind, imports in (("Modules", modules), ("Folders", production(folders))):
        if cycle := find_cycle(imports):
            print(f"{kind} import each other: {' -> '.join(cycle)}")
            return 1
    page = PAGE.read_text()
    before, rest = page.split(BEGIN)
    current = before + BEGIN + "\n" + section(folders) + END + rest.split(END)[1]
    if "--write" in arguments:
        PAGE.write_text(current)
    elif current != page:
        print("docs/architecture.md does not show the current imports; run python .ci/structure.py --write")
        return 1
    return 0


def folder_of(module: str) -> str:
    """Return the box of a module: its package, and below services and shared the folder or the file."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] in ("services", "shared") else parts[0]


def grouped(modules: Imports) -> dict[str, set[str]]:
    """Return the imports between boxes."""
    folders: dict[str, set[str]] = {}
    for module, imported in modules.items():
        box = folders.setdefault(folder_of(module), set())
        box |= {folder_of(name) for name in imported} - {folder_of(module)}
    return {box: folders[box] for box in sorted(folders) if box not in ("services", "shared")}


def production(folders: Imports) -> dict[str, set[str]]:
    """Return the boxes without tests and bench, which share the test support."""
    return {box: imported for box, imported in folders.items() if box not in ("tests", "bench")}


def find_cycle(imports: Imports) -> list[str]:
    """Return one cycle, or nothing."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def reduced(imports: Imports) -> dict[str, list[str]]:
    """Return the transitive reduction: without arrows that a longer way implies."""
    return {
        box: sorted(name for name in imported if not any(name in reachable(imports, via) for via in imported - {name}))
        for box, imported in imports.items()
    }


def reachable(imports: Imports, start: str) -> set[str]:
    """Return every box that `start` imports, directly or not."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for name in imports.get(waiting.pop(), set()) - found:
            found.add(name)
            waiting.append(name)
    return found


def section(folders: Imports) -> str:
    """Return the generated part of the page: the boxes with their sentences, and the arrows as a Mermaid graph."""
    boxes = production(folders)
    lines = ["| folder or file | what it is |", "|---|---|"]
    lines += [f"| `{path_of(box)}` | {sentence(box)} |" for box in sorted({*folders})]
    lines += ["", "Arrows that a longer way implies are left out.", "", "```mermaid", "graph TD"]
    for box, imported in reduced(boxes).items():
        lines += [f"  {box} --> {name}" for name in imported]
    return "\n".join([*lines, "```"]) + "\n"


def path_of(box: str) -> str:
    """Return the path of a box."""
    path = Path(*box.split("."))
    return f"{path.as_posix()}/" if (ROOT / path).is_dir() else f"{path.as_posix()}.py"


def sentence(box: str) -> str:
    """Return the first line of a box's docstring."""
    path = ROOT / path_of(box)
    candidates: Iterable[Path] = (path / "__init__.py", path / "core.py", path / "app.py") if path.is_dir() else (path,)
    for candidate in candidates:
        if candidate.exists() and (text := ast.get_docstring(ast.parse(candidate.read_text()))):
            return text.splitlines()[0].replace("|", "\\|")
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
