"""3D Slicer's client and the whole system: a volume is sent, outlined while the client waits, corrected and saved."""

import hashlib

import httpx
import numpy as np
import SimpleITK as sitk

from shared.imaging.phantoms import abdomen
from tests.services.api.test_monailabel import package, saved
from tests.support.scans import small_grid, write_nifti


def test_a_volume_from_slicer_is_outlined_corrected_and_meshed_again(system, tmp_path):
    client = package().MONAILabelClient
    base, key = f"{system.url}/monailabel", {"Authorization": f"Bearer {system.key}"}

    def slicer():
        made = client(base, str(tmp_path), "user-xyz")
        made.update_auth(made.auth_token("anybody", system.key))
        return made

    (model,) = slicer().info()["models"]
    scan = write_nifti(tmp_path / "volume.nii.gz", abdomen(small_grid()).volume)
    assert slicer().upload_image(str(scan), "From Slicer")["image"] == "From Slicer"
    path, parameters = slicer().infer(model, "From Slicer", {"result_extension": ".nrrd"})
    outlines = sitk.GetArrayFromImage(sitk.ReadImage(path))
    assert set(np.unique(outlines)) - {0} == set(parameters["label_names"].values())
    job = f"{system.url}/v1/jobs/{parameters['job']}"
    before = hashlib.sha256(httpx.get(f"{job}/model.glb", headers=key, timeout=60).content).hexdigest()
    name, value = next(iter(parameters["label_names"].items()))
    only = (outlines == value).astype(np.uint8)
    answer = slicer().save_label(
        "From Slicer", saved(tmp_path / "l.nrrd", only, path), "", {"label_info": [{"name": name}]}
    )
    assert answer["revision"] == 2
    model_2 = httpx.get(f"{job}/model.glb", params={"revision": 2}, headers=key, timeout=60)
    assert model_2.status_code == 200
    assert hashlib.sha256(model_2.content).hexdigest() != before
    again, parameters = slicer().infer(model, "From Slicer", {})
    assert parameters["label_names"] == {name: value}
    assert (sitk.GetArrayFromImage(sitk.ReadImage(again)) == only * value).all()
    httpx.delete(job, headers=key, timeout=60)
