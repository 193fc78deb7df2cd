"""A worker whose model is not what its card says refuses to start, and the service says that it is not ready."""

import json
import shutil
import time
from pathlib import Path

import httpx
import nibabel as nib
import numpy as np
import pytest
import trimesh

from services import cli
from services.local import LocalSystem
from shared.models.registry import SERVICES
from tests.support.tiny_models import by_brightness
from viscera_client import Client, ServiceError

RECORDED = Path(__file__).parents[1] / "services" / "recorded"


@pytest.mark.timeout(120)
def test_a_worker_refuses_weights_that_its_card_does_not_name(tmp_path, monkeypatch):
    model = tmp_path / "model"
    model.mkdir()
    for name in ("card.json", "model.onnx"):
        shutil.copy(SERVICES / "segmenter" / name, model)
    card = json.loads((model / "card.json").read_text())
    (model / "card.json").write_text(json.dumps(card | {"sha256": "0" * 64}))
    monkeypatch.setenv("VISCERA_SEGMENTER_MODEL", str(model))
    with LocalSystem(tmp_path / "data") as system:
        log, until = tmp_path / "data" / "log" / "segmenter.log", time.monotonic() + 60
        while "refuses to start" not in (log.read_text() if log.exists() else "") and time.monotonic() < until:
            time.sleep(0.2)
        assert "SHA-256" in log.read_text()
        missing: list[str] = []
        while missing != ["segmenter"] and time.monotonic() < until:
            time.sleep(0.2)
            try:
                missing = httpx.get(system.url + "/readyz").json().get("missing", [])
            except httpx.TransportError:
                continue
        assert missing == ["segmenter"]


def test_running_models_are_listed_with_their_provider(client):
    models = {model.stage: model for model in client.models()}
    for stage in ("classifier", "segmenter"):
        card = json.loads((SERVICES / stage / "card.json").read_text())
        assert (models[stage].sha256, models[stage].provider) == (card["sha256"], "cpu")
        assert "NC" in models[stage].licence


@pytest.mark.timeout(120)
def test_a_model_of_volumes_is_served_with_its_own_labels_and_without_a_classifier(tmp_path):
    case = RECORDED / "nnunet" / "MR"
    scan = case / "scans" / "scan7_0000.nii.gz"
    words = ["--model", str(case), "--out", str(tmp_path), "--quality", "light", "--modality", "MR"]
    cli.main(["demo", str(scan), *words])
    labels, expected = (nib.load(path) for path in (tmp_path / "labels.nii.gz", case / "plain" / "scan7.nii.gz"))
    assert np.allclose(labels.affine, expected.affine, atol=1e-3)
    assert (np.asarray(labels.dataobj) != np.asarray(expected.dataobj)).sum() <= 3
    report = json.loads((tmp_path / "report.json").read_text())
    assert [(organ["label"], organ["name"]) for organ in report["organs"]] == [
        (1, "stomach"),
        (2, "small_bowel"),
        (3, "tumour"),
    ]
    assert [model["name"] for model in report["models"]] == ["Dataset902_MR-3d_fullres"]
    assert set(trimesh.load(tmp_path / "model.glb").geometry) == {"stomach", "small_bowel", "tumour"}


@pytest.mark.timeout(120)
def test_a_scan_of_several_channels_is_served_by_the_model_that_reads_them(tmp_path, monkeypatch):
    monkeypatch.setenv("VISCERA_MODELS", str(tmp_path / "models"))
    case, folder = RECORDED / "nnunet" / "Regions", tmp_path / "scan"
    folder.mkdir()
    for path in (case / "scans").glob("scan7_*.nii.gz"):
        shutil.copy(path, folder)
    cli.main(["models", "add", str(case)])
    with LocalSystem(tmp_path / "data") as system, Client(system.url, system.key) as client:
        system.wait_ready()
        name = json.loads((case / "card.json").read_text())["name"]
        _wait_for_model(client, name)
        job = client.submit(folder, model=name, modality="MR").id
        assert client.wait(job).state == "succeeded"
        client.download(job, "labels.nii.gz", tmp_path / "labels.nii.gz")
        with pytest.raises(ServiceError, match="reads one image, and the scan has 2 images"):
            client.submit(folder, modality="MR")
    labels, expected = (nib.load(path) for path in (tmp_path / "labels.nii.gz", case / "plain" / "scan7.nii.gz"))
    assert (np.asarray(labels.dataobj) != np.asarray(expected.dataobj)).sum() <= 3


@pytest.mark.timeout(180)
def test_two_models_serve_side_by_side_and_one_is_removed_meanwhile(tmp_path, monkeypatch):
    monkeypatch.setenv("VISCERA_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("VISCERA_MODELS_LOADED", "1")
    case, scan = RECORDED / "nnunet" / "MR", RECORDED / "nnunet" / "MR" / "scans" / "scan7_0000.nii.gz"
    bright = by_brightness(tmp_path / "bright", name="bright")
    cli.main(["models", "add", str(bright)])
    with LocalSystem(tmp_path / "data") as system, Client(system.url, system.key) as client:
        system.wait_ready()
        cli.main(["models", "add", str(case)])  # a running system sees it
        nnunet = json.loads((case / "card.json").read_text())["name"]
        _wait_for_model(client, nnunet)
        sent = [(name, client.submit(scan, model=name, modality="MR").id) for name in ("bright", nnunet) * 4]
        cli.main(["models", "remove", "bright"])
        sent.append((None, client.submit(scan, modality="MR").id))
        for name, job in sent:
            assert client.wait(job).state == "succeeded"
            client.download(job, "report.json", tmp_path / "report.json")
            used = [model["name"] for model in json.loads((tmp_path / "report.json").read_text())["models"]]
            assert used[-1] == (name or "gut-pair")
            assert (len(used) == 1) == (name == nnunet), "a model of volumes needs no classifier"
        until = time.monotonic() + 30
        while "bright" in {model.name for model in client.models()} and time.monotonic() < until:
            time.sleep(0.2)
        with pytest.raises(ServiceError, match=f"there are: {nnunet}, gut-pair"):
            client.submit(scan, model="bright")


def _wait_for_model(client, name):
    until = time.monotonic() + 30
    while name not in {model.name for model in client.models()} and time.monotonic() < until:
        time.sleep(0.2)
