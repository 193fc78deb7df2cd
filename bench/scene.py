"""What the model costs in the page: `python -m bench.scene --data DIR` prints a table for docs/web.md.

Every real label map is meshed as the service does (`standard`), and the ones with the most triangles, bytes and organs
are shown in the page, on the sample's result. Triangles, draw calls and bytes on the graphics processor are what the
page says of its scene (`viscera.scene()`), in a window of 1280 x 860 pixels.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
from playwright.sync_api import Page, Route, sync_playwright

from bench.cases import nifti_labels, real
from services.bundle import bundle
from services.local import LocalSystem
from services.mesher.core import mesh
from services.mesher.glb import to_glb
from services.mesher.provenance import Provenance
from shared.imaging.phantoms import abdomen
from tests.support.pages import FLAGS
from viscera_client import Client

_PATIENCE_MS = 120_000
_MIB = 1 << 20


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
    chosen = [next(model for model in models if model.name == "case139_day0")]
    for size in (lambda model: model.triangles, lambda model: len(model.glb), lambda model: model.organs):
        largest = max(models, key=size)
        if largest not in chosen:
            chosen.append(largest)
    print(f"{len(models)} label maps; in the page:")
    print("| model | organs | triangles | GLB, MB | draw calls | buffers, MB | textures, MB | canvas, MB |")
    print("|---|---|---|---|---|---|---|---|")
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
    scan = folder / "sample.nii.gz"
    volume = abdomen().volume
    nibabel.save(nibabel.Nifti1Image(volume.data.T, volume.geometry.ras), scan)
    program = shutil.which("chromium") or shutil.which("google-chrome")
    with LocalSystem(folder / "data", web=bundle(folder / "web")) as system:
        system.wait_ready()
        with Client(system.url, system.key) as client:
            job = client.wait(client.submit(scan).id).id
            client.download(job, "model.glb?compression=meshopt", folder / "sample.glb")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 860})
            page.set_default_timeout(_PATIENCE_MS)
            page.goto(system.url)
            page.get_by_role("navigation").wait_for()
            sample = (folder / "sample.glb").read_bytes()
            _row("the sample", _scene(page, system.url, job, sample), len(sample))
            for model in models:
                _row(model.name, _scene(page, system.url, job, model.glb), len(model.glb))
            browser.close()


def _scene(page: Page, url: str, job: str, glb: bytes) -> dict[str, Any]:
    """What the page says of a GLB that it shows instead of the model of a job."""

    def fulfil(route: Route) -> None:
        route.fulfill(body=glb, content_type="model/gltf-binary")

    page.route("**/model.glb*", fulfil)
    page.goto(f"{url}/#/archive")
    page.goto(f"{url}/#/jobs/{job}")
    page.wait_for_function("() => window.viscera?.scene().plane && viscera.scene().calls > 0")
    page.unroute_all()
    state: dict[str, Any] = page.evaluate("viscera.scene()")
    return state


def _row(name: str, state: dict[str, Any], size: int) -> None:
    memory = {key: f"{value / _MIB:.1f}" for key, value in state["memory"].items()}
    print(
        f"| {name} | {len(state['organs'])} | {state['triangles']:,.0f} | {size / _MIB:.2f} | {state['calls']} "
        f"| {memory['buffers']} | {memory['textures']} | {memory['canvas']} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
