"""What the model costs in the page: `python -m bench.scene --data DIR` prints a table for docs/web.md.

Every real label map is meshed as the service does (`standard`), and the ones with the most triangles, bytes and organs
are shown in the page, on the sample's result. Triangles, draw calls and bytes on the graphics processor are what the
page says of its scene (`viscera.scene()`), in a window of 1280 x 860 pixels; draw calls also of the model cut open.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page, Route, sync_playwright

from bench.cases import nifti_labels, real
from services.bundle import SOURCES, bundle
from services.local import LocalSystem
from services.mesher.core import mesh
from services.mesher.glb import to_glb
from services.mesher.provenance import Provenance
from tests.support.pages import FLAGS
from viscera_client import Client

_PATIENCE_MS = 120_000
_MIB = 1 << 20
_BODY = SOURCES / "src" / "learn" / "body.glb"


@dataclass(frozen=True, slots=True)
class Model:
    """A GLB as the page loads it (meshopt)."""

    name: str
    organs: int
    triangles: int
    glb: bytes


def main() -> None:
    """Mesh, show and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    args = parser.parse_args()
    models = list(_models(args.data))
    body = Model("the body of *Learn*", 0, 0, _BODY.read_bytes())
    chosen = [body, next(model for model in models if model.name == "case139_day0")]
    for size in (lambda model: model.triangles, lambda model: len(model.glb), lambda model: model.organs):
        largest = max(models, key=size)
        if largest not in chosen:
            chosen.append(largest)
    print(f"{len(models)} label maps; in the page:")
    print("| model | organs | triangles | GLB | draw calls | cut open | buffers | textures | canvas |")
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        _show(Path(folder), chosen)


def _models(data: Path) -> Iterator[Model]:
    ct = data / "ct"
    every = {
        "example_ct, TotalSegmentator": nifti_labels(ct / "example_ct_totalseg_v2_labels.nii.gz"),
        "example_ct_dicom, TotalSegmentator": nifti_labels(ct / "example_ct_dicom_totalseg_v2_labels.nii.gz"),
        **dict(real(data)),
    }
    for name, label_map in every.items():
        meshed = mesh(label_map, "standard")
        glb = to_glb(meshed.organs, Provenance(), "meshopt")
        sizes = [len(output.faces) for output in meshed.meshes]
        yield Model(name, len(sizes), sum(sizes), glb)


def _show(folder: Path, models: list[Model]) -> None:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    with LocalSystem(folder / "data", web=bundle(folder / "web")) as system:
        system.wait_ready()
        key = {"Authorization": f"Bearer {system.key}"}
        sample = httpx.get(f"{system.url}/sample.nii.gz", headers=key, timeout=60.0).raise_for_status()
        (folder / "sample.nii.gz").write_bytes(sample.content)
        with Client(system.url, system.key) as client:
            job = client.wait(client.submit(folder / "sample.nii.gz").id).id
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 860})
            page.set_default_timeout(_PATIENCE_MS)
            page.goto(system.url)
            page.get_by_role("navigation").wait_for()
            _row("the sample", page, f"{system.url}/#/jobs/{job}")
            for model in models:
                _replace(page, model.glb)
                _row(model.name, page, f"{system.url}/#/jobs/{job}")
            browser.close()


def _replace(page: Page, glb: bytes) -> None:
    """Let the page load a GLB instead of the model of a job."""

    def fulfil(route: Route) -> None:
        route.fulfill(body=glb, content_type="model/gltf-binary")

    page.unroute_all()
    page.route("**/model.glb*", fulfil)


def _row(name: str, page: Page, address: str) -> None:
    """Show a result and print what the page says of its scene, sizes in MiB."""
    page.goto(address.partition("#")[0])
    page.get_by_role("navigation").wait_for()
    with page.expect_response("**/model.glb*", timeout=_PATIENCE_MS) as answer:
        page.goto(address)
    page.wait_for_function("() => window.viscera?.scene().plane && viscera.scene().calls > 0")
    state: dict[str, Any] = page.evaluate("viscera.scene()")
    page.get_by_role("button", name="Cut open", exact=True).click()
    page.get_by_role("group", name="Cut open", exact=True).get_by_role("button", name="Coronal").click()
    page.wait_for_function("calls => viscera.scene().calls > calls", arg=state["calls"])
    sizes = [len(answer.value.body()), *state["memory"].values()]
    glb, buffers, textures, canvas = (f"{size / _MIB:.2f}" for size in sizes)
    cut = page.evaluate("viscera.scene().calls")
    print(
        f"| {name} | {len(state['organs'])} | {state['triangles']:,.0f} | {glb} | {state['calls']} | {cut} "
        f"| {buffers} | {textures} | {canvas} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
