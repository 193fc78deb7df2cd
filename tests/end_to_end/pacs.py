"""Runs two real Orthancs and the embedded system side by side on a loopback of their own; a program of test_pacs.py.

One Orthanc speaks DICOMweb, the other one DIMSE. They listen on every address they find, so this runs in a network
namespace that has no other than loopback.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from services.local import LocalSystem, free_port
from shared.ledger import api_keys, open_ledger

ROOT = Path(__file__).resolve().parent.parent.parent
PACS = ROOT / "deploy" / "pacs"
RESULTS = {"SEG": 1, "SR": 1, "RTSTRUCT": 1, "M3D": 3}
"""Instances of a result by modality; Orthanc shows them one by one while it takes them in."""
SECONDS = 240.0


def loopback_up() -> None:
    """Switches the namespace's loopback on (netdevice(7), SIOCSIFFLAGS)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh14x", b"lo", 0x1 | 0x40)
        fcntl.ioctl(control, 0x8914, request)


def wait_for(what: str, ask, seconds: float = SECONDS):
    """The first answer that is not empty."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if found := ask():
                return found
        except httpx.HTTPError:
            pass
        time.sleep(0.5)
    raise SystemExit(f"waited in vain for {what}")


def main(scans: Path, dimse_scans: Path, work: Path) -> None:
    """Puts every folder of `scans` into an Orthanc, waits for the results there, and fetches them into `work`.

    Those of `dimse_scans` go into the Orthanc that speaks DIMSE only.
    """
    loopback_up()
    http, dimse, dimse_http, orthanc_dimse = (free_port() for _ in range(4))
    (work / "destinations.toml").write_text(
        f'[[destination]]\nname = "orthanc"\nurl = "http://127.0.0.1:{http}/dicom-web"\ntenants = ["default"]\n'
        f'[[destination]]\nname = "archive"\nurl = "dimse://ORTHANC@127.0.0.1:{orthanc_dimse}"\n'
        'tenants = ["hospital"]\n'
    )
    (work / "clients.toml").write_text('[[client]]\naet = "ORTHANC"\ntenant = "hospital"\nnetworks = ["127.0.0.0/8"]\n')
    os.environ |= {
        "VISCERA_DESTINATIONS": str(work / "destinations.toml"), "VISCERA_SERIES_QUIET_SECONDS": "4",
        "VISCERA_DIMSE_CLIENTS": str(work / "clients.toml"),
    }  # fmt: skip
    with LocalSystem(work / "viscera", dimse=(dimse, "VISCERA")) as system:
        system.wait_ready()
        web = {
            "ORTHANC_HTTP_PORT": str(http), "ORTHANC_DICOM_PORT": str(free_port()),
            "VISCERA_LUA": str(PACS / "forward.lua"), "VISCERA_URL": system.url, "VISCERA_KEY": system.key,
        }  # fmt: skip
        plain = {
            "ORTHANC_HTTP_PORT": str(dimse_http), "ORTHANC_DICOM_PORT": str(orthanc_dimse),
            "VISCERA_LUA": str(PACS / "forward-dimse.lua"), "VISCERA_HOST": "127.0.0.1",
            "VISCERA_DIMSE_PORT": str(dimse),
        }  # fmt: skip
        with orthanc("orthanc", work, web) as by_web, orthanc("orthanc-dimse", work, plain) as by_dimse:
            fill(by_dimse, dimse_scans)
            run(by_web, scans, work)
            run_dimse(by_dimse, work)
            time.sleep(7.0)  # longer than a series is open
            (work / "state.json").write_text(json.dumps(state_of(system, system.key)))
            (work / "dimse.json").write_text(json.dumps(state_of(system, hospital_key(work))))
            revise(by_web, system, work)


@contextmanager
def orthanc(name: str, work: Path, environment: dict[str, str]) -> Iterator[httpx.Client]:
    """An Orthanc with a configuration of deploy/pacs."""
    common = {"ORTHANC_STORAGE": str(work / name), "ORTHANC_STABLE_AGE": "3"}
    with (work / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            ["Orthanc", str(PACS / f"{name}.json")], env=os.environ | common | environment, stdout=log, stderr=log
        )
        try:
            port = environment["ORTHANC_HTTP_PORT"]
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30.0) as client:
                wait_for("Orthanc", lambda: client.get("/system").status_code == 200, 60.0)
                yield client
        finally:
            process.terminate()
            process.wait(30)


def fill(orthanc: httpx.Client, scans: Path) -> list[Path]:
    """Puts every folder into Orthanc."""
    folders = sorted(path for path in scans.iterdir() if path.is_dir())
    for folder in folders:
        for file in sorted(folder.iterdir()):
            orthanc.post("/instances", content=file.read_bytes()).raise_for_status()
    return folders


def run(orthanc: httpx.Client, scans: Path, work: Path) -> None:
    """The dialogue by DICOMweb."""
    fetch(orthanc, len(fill(orthanc, scans)), work)
    for one in orthanc.get("/series").json():  # sent once more: nothing new may come of it
        request = {"Resources": [one], "Synchronous": True}
        orthanc.post("/dicom-web/servers/viscera/stow", json=request, timeout=120.0).raise_for_status()


def fetch(orthanc: httpx.Client, studies: int, work: Path) -> None:
    """Waits for all results in Orthanc and writes them into `work`."""

    def complete() -> list[dict]:
        series = [orthanc.get(f"/studies/{study}/series").json() for study in orthanc.get("/studies").json()]
        counts = [{one["MainDicomTags"]["Modality"]: len(one["Instances"]) for one in parts} for parts in series]
        done = all(count.get(name, 0) >= number for count in counts for name, number in RESULTS.items())
        return [one for parts in series for one in parts] if len(series) == studies and done else []

    for one in wait_for("results in Orthanc", complete):
        if one["MainDicomTags"]["Modality"] in RESULTS:
            for instance in one["Instances"]:
                file = orthanc.get(f"/instances/{instance}/file").content
                (work / f"result_{instance}.dcm").write_bytes(file)


def run_dimse(orthanc: httpx.Client, work: Path) -> None:
    """The dialogue by C-ECHO and C-STORE, of a tenant of its own."""
    orthanc.post("/modalities/viscera/echo", content="{}").raise_for_status()
    fetch(orthanc, 1, work)
    series = [one for one in orthanc.get("/series?expand").json() if one["MainDicomTags"]["Modality"] in ("MR", "SEG")]
    request = {"Resources": [one["ID"] for one in series], "Synchronous": True}  # once more, with a result
    orthanc.post("/modalities/viscera/store", json=request, timeout=120.0).raise_for_status()


def revise(orthanc: httpx.Client, system: LocalSystem, work: Path) -> None:
    """Corrects the outlines of one job, and writes the segmentations that its study then has into `work`."""
    with httpx.Client(base_url=system.url, headers={"Authorization": f"Bearer {system.key}"}, timeout=60.0) as viscera:
        here = f"/v1/jobs/{viscera.get('/v1/jobs').json()['items'][0]['id']}"
        organs = viscera.get(f"{here}/report.json").json()["organs"]
        label = max(organs, key=lambda organ: organ["voxels"])["label"]
        match = {"If-Match": viscera.head(f"{here}/labels.nii.gz").headers["etag"]}
        edits = {"edits": [{"kind": "paint", "label": label, "runs": [[0, 50]]}]}
        viscera.patch(f"{here}/labels.nii.gz", json=edits, headers=match).raise_for_status()

    def corrected() -> list[str]:
        for study in orthanc.get("/studies").json():
            parts = orthanc.get(f"/studies/{study}/series").json()
            found = [one["Instances"] for one in parts if one["MainDicomTags"]["Modality"] == "SEG"]
            if len(found) == 2 and all(found):
                return [instance for instances in found for instance in instances]
        return []

    for instance in wait_for("the corrected segmentation in Orthanc", corrected, 60.0):
        (work / f"revised_{instance}.dcm").write_bytes(orthanc.get(f"/instances/{instance}/file").content)


def hospital_key(work: Path) -> str:
    """A key of the tenant whose instances come by C-STORE."""
    key, ledger = api_keys.new_key(), open_ledger(f"sqlite:///{work / 'viscera' / 'ledger.db'}")
    with ledger.write() as connection:
        api_keys.add_key(connection, key, "hospital")
    ledger.close()
    return key


def state_of(system: LocalSystem, key: str) -> dict:
    """What Viscera says about a tenant's jobs, series and deliveries."""
    with httpx.Client(base_url=system.url, headers={"Authorization": f"Bearer {key}"}) as viscera:
        return {
            "jobs": viscera.get("/v1/jobs").json()["items"],
            "series": viscera.get("/v1/dicom/series").json()["items"],
            "deliveries": wait_for(
                "deliveries",
                lambda: [d for d in [viscera.get("/v1/dicom/deliveries").json()["items"]] if settled(d)],
                60.0,
            )[0],
        }


def settled(deliveries: list[dict]) -> bool:
    """Whether nothing is under way."""
    return all(one["state"] in ("delivered", "failed") for one in deliveries)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
