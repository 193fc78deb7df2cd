"""`viscera submit` with many scans, killed in the middle and repeated: each scan has one job and one row."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from services.batch import Batch, items_of, read_list
from shared.errors import BadScan
from shared.imaging.phantoms import abdomen
from tests.support.scans import small_grid, write_nifti
from viscera_client import Client


@pytest.fixture
def scans(tmp_path):
    folder = tmp_path / "scans"
    folder.mkdir()
    for number in range(6):
        affine = np.diag([7.0, 6.0 + 0.1 * number, 14.0, 1.0])
        write_nifti(folder / f"scan{number}.nii.gz", abdomen(small_grid(affine)).volume)
    (folder / "broken.nii.gz").write_bytes(b"no scan")
    return folder


def submit(system, folder, out, *more):
    command = [sys.executable, "-P", "-m", "services.cli", "submit", *sorted(folder.iterdir()), "--out", out]
    command += ["--url", system.url, "--quality", "light", "--modality", "MR", "--at-once", "2", *more]
    return subprocess.Popen(
        command,
        env={**os.environ, "VISCERA_KEY": system.key},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.timeout(200)
def test_a_killed_batch_continues_without_a_second_job_and_says_which_scan_has_no_result(system, scans, tmp_path):
    out = tmp_path / "out"
    with Client(system.url, system.key) as client:
        before = {job.id for job in client.jobs().items}
    first = submit(system, scans, out)
    deadline = time.monotonic() + 100
    while not (out / "results.csv").exists() or len((out / "results.csv").read_text().splitlines()) < 4:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    second = submit(system, scans, out, "--also", "model.stl")
    said, _ = second.communicate(timeout=150)
    assert second.returncode == 1
    assert "6 of 7 scans have a result" in said
    with (out / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["scan"] for row in rows] == [str(path.resolve()) for path in sorted(scans.iterdir())]
    assert [row["state"] for row in rows] == ["refused", *["succeeded"] * 6]
    assert rows[0]["error"] == "not_a_scan"
    for row in rows[1:]:
        report = json.loads((out / Path(row["scan"]).name / "report.json").read_text())
        assert row["warnings"].split() == [warning["code"] for warning in report["warnings"]]
        for organ in report["organs"]:
            assert row[f"{organ['name']}_ml"] == (f"{organ['volume_ml']:.3f}" if organ["present"] else "")
            assert row[f"{organ['name']}_warnings"].split() == [warning["code"] for warning in organ["warnings"]]
    with Client(system.url, system.key) as client:
        jobs = {job.id for job in client.jobs().items} - before
    assert {row["job"] for row in rows[1:]} == jobs, "each scan has one job"
    assert len(jobs) == 6
    assert (out / "scan3.nii.gz" / "model.glb").read_bytes()[:4] == b"glTF"
    assert len(list(out.glob("*/model.stl"))) == 6, "also of scans that the first run had finished"


def test_folders_are_named_after_what_tells_paths_apart(tmp_path):
    for name in ("a/ct", "b/ct"):
        (tmp_path / name).mkdir(parents=True)
    items = items_of([tmp_path / "a/ct", tmp_path / "b/ct", tmp_path / "a/ct"], tmp_path / "out", {})
    assert [item.out.name for item in items] == ["a_ct", "b_ct"]
    assert [item.out.name for item in items_of([tmp_path / "a/ct"], tmp_path / "out", {})] == ["ct"]


def test_a_list_names_scans_beside_it_and_a_missing_one_is_refused(tmp_path):
    (tmp_path / "one.nii").write_bytes(b"x")
    (tmp_path / "list.csv").write_text("\ufeffscan,note\none.nii,first\n", encoding="utf-8")
    assert read_list(tmp_path / "list.csv") == [tmp_path / "one.nii"]
    (tmp_path / "list.csv").write_text("scan\nother.nii\n")
    with pytest.raises(BadScan, match=r"other\.nii"):
        read_list(tmp_path / "list.csv")
    (tmp_path / "list.csv").write_text("path\none.nii\n")
    with pytest.raises(BadScan, match="no column"):
        read_list(tmp_path / "list.csv")


def test_a_large_scan_is_uploaded_once_though_its_job_is_asked_for_twice(system, scans, tmp_path, monkeypatch):
    monkeypatch.setattr("services.batch.IN_PARTS", 1)
    items = items_of([scans / "scan0.nii.gz"], tmp_path / "out", {"quality": "light", "modality": "MR"})
    jobs = []
    for _ in range(2):
        (row,) = Batch(items, tmp_path / "out", lambda: Client(system.url, system.key)).run(1)
        jobs.append(row["job"])
        (items[0].out / "job.json").unlink()
    assert jobs[0] == jobs[1] != ""
