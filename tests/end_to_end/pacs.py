"""Runs a real Orthanc and the embedded system side by side on a loopback of their own; a program of test_pacs.py.

Orthanc listens on every address it finds, so this runs in a network namespace that has no other than loopback.
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
from pathlib import Path

import httpx

from services.local import LocalSystem, free_port

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


def main(scans: Path, work: Path) -> None:
    """Puts every folder of `scans` into Orthanc, waits for the results there, and fetches them into `work`."""
    loopback_up()
    http = free_port()
    (work / "destinations.toml").write_text(
        f'[[destination]]\nname = "orthanc"\nurl = "http://127.0.0.1:{http}/dicom-web"\n'
    )
    os.environ |= {"VISCERA_DESTINATIONS": str(work / "destinations.toml"), "VISCERA_SERIES_QUIET_SECONDS": "4"}
    with LocalSystem(work / "viscera") as system:
        system.wait_ready()
        environment = os.environ | {
            "ORTHANC_STORAGE": str(work / "orthanc"), "ORTHANC_HTTP_PORT": str(http),
            "ORTHANC_DICOM_PORT": str(free_port()), "ORTHANC_STABLE_AGE": "3",
            "VISCERA_LUA": str(PACS / "forward.lua"), "VISCERA_URL": system.url, "VISCERA_KEY": system.key,
        }  # fmt: skip
        with (work / "orthanc.log").open("wb") as log:
            orthanc = subprocess.Popen(["Orthanc", str(PACS / "orthanc.json")], env=environment, stdout=log, stderr=log)
            try:
                with httpx.Client(base_url=f"http://127.0.0.1:{http}", timeout=30.0) as client:
                    run(client, system, scans, work)
            finally:
                orthanc.terminate()
                orthanc.wait(30)


def run(orthanc: httpx.Client, system: LocalSystem, scans: Path, work: Path) -> None:
    """The dialogue itself."""
    wait_for("Orthanc", lambda: orthanc.get("/system").status_code == 200, 60.0)
    folders = sorted(path for path in scans.iterdir() if path.is_dir())
    for folder in folders:
        for file in sorted(folder.iterdir()):
            orthanc.post("/instances", content=file.read_bytes()).raise_for_status()

    def complete() -> list[dict]:
        studies = orthanc.get("/studies").json()
        series = [orthanc.get(f"/studies/{study}/series").json() for study in studies]
        counts = [{one["MainDicomTags"]["Modality"]: len(one["Instances"]) for one in held} for held in series]
        done = all(count.get(name, 0) >= number for count in counts for name, number in RESULTS.items())
        return [one for held in series for one in held] if len(studies) == len(folders) and done else []

    for number, one in enumerate(wait_for("results in Orthanc", complete)):
        if one["MainDicomTags"]["Modality"] in RESULTS:
            for instance in one["Instances"]:
                file = orthanc.get(f"/instances/{instance}/file").content
                (work / f"result_{number}_{instance}.dcm").write_bytes(file)
    with httpx.Client(base_url=system.url, headers={"Authorization": f"Bearer {system.key}"}) as viscera:
        for one in orthanc.get("/series").json():  # sent once more: nothing new may come of it
            request = {"Resources": [one], "Synchronous": True}
            orthanc.post("/dicom-web/servers/viscera/stow", json=request, timeout=120.0).raise_for_status()
        time.sleep(7.0)
        told = {
            "jobs": viscera.get("/v1/jobs").json()["items"],
            "series": viscera.get("/v1/dicom/series").json()["items"],
            "deliveries": wait_for(
                "deliveries",
                lambda: [d for d in [viscera.get("/v1/dicom/deliveries").json()["items"]] if settled(d)],
                60.0,
            )[0],
        }
    (work / "told.json").write_text(json.dumps(told))


def settled(deliveries: list[dict]) -> bool:
    """Whether nothing is under way."""
    return all(one["state"] in ("delivered", "failed") for one in deliveries)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
