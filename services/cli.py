"""`viscera`: serve, demo, run, mesh, submit, models, keys, audit, certificate."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from services import installation
from services.arguments import dimse_node, existing, label_names, spacing
from shared.errors import BadScan, VisceraError
from shared.operations.interrupts import exit_when_interrupted

console = Console(stderr=True)
QUALITIES = ("light", "standard", "fine")
ALSO = (
    "model.stl", "model.obj.zip", "model.3mf", "model.usdz", "thumbnail.png", "volume.nii.gz", "segmentation.dcm",
    "sr.dcm", "rtstruct.dcm", "stl.dcm", "obj.dcm", "mtl.dcm", "report.pdf",
)  # fmt: skip
"""Files of a result that `submit` and `demo` download where they are named."""
OF_SCANS = ("demo", "run", "submit", "mesh", "models", "serve", "certificate")
"""Commands that are no operator's. `submit` and `mesh` also run where there is no POSIX system."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; a bad scan prints one sentence and exits 2."""
    words = sys.argv[1:] if arguments is None else arguments
    args = _parser(words).parse_args(words)
    try:
        with exit_when_interrupted():
            args.command(args)
    except BadScan as error:
        _complain(error)
        sys.exit(2)
    except VisceraError as error:
        _complain(error)
        sys.exit(1)
    except MemoryError:
        _complain(VisceraError("The scan needs more memory than this process can get.", "out_of_memory"))
        sys.exit(1)


def demo(args: argparse.Namespace) -> None:
    """Start the embedded system, send one scan through it over HTTP and stop."""
    from services.local import LocalSystem
    from services.remote import send, service_errors
    from viscera_client import Client

    with tempfile.TemporaryDirectory(prefix="viscera-demo-") as folder, _bars() as bars:
        scan = args.scan
        if scan is None:
            scan, args.modality = _phantom(Path(folder) / "phantom.nii.gz"), "MR"
        with LocalSystem(Path(folder) / "data", model=_segmenter(args.model)) as system:
            task = bars.add_task("starting", total=1.0)
            system.wait_ready(lambda missing: bars.update(task, description=f"starting ({missing})"))
            bars.update(task, completed=1.0, description="started")
            with service_errors(), Client(system.url, system.key) as client:
                send(client, scan, args, _stage_bars(bars))
    _summary(args.out)


def serve(args: argparse.Namespace) -> None:
    """Run the embedded system until Ctrl-C."""
    from services.local import LocalSystem
    from shared.ledger import api_keys

    stop, tls = threading.Event(), None
    if args.tls_cert or args.tls_key:
        if not (args.tls_cert and args.tls_key):
            raise VisceraError("A certificate needs its key: --tls-cert FILE --tls-key FILE.", "tls")
        tls = (args.tls_cert, args.tls_key)
    if key := os.environ.get("VISCERA_KEY", ""):
        api_keys.check_strength(key, "VISCERA_KEY")
    dimse, web = dimse_node(args), _web(args.data)
    with LocalSystem(args.data, args.host, args.port, key, web=web, tls=tls, dimse=dimse) as system:
        system.wait_ready()
        print(f"Viscera  {system.url}\nKey      {system.key}\nData     {system.data}", flush=True)
        if dimse:
            print(f"DIMSE    {dimse[1]}@{args.host}:{dimse[0]}", flush=True)
        if system.public_url != system.url:
            print(f"Network  {system.public_url}", flush=True)
        stop.wait()


def certificate(args: argparse.Namespace) -> None:
    """Create a self-signed certificate and its key, for HTTPS in a private network."""
    from services.certificate import self_signed

    files = self_signed(args.folder, args.name)
    print(f"viscera serve --host 0.0.0.0 --tls-cert {files.certificate} --tls-key {files.key}")
    print(f"Fingerprint (SHA-256): {files.fingerprint}")


def submit(args: argparse.Namespace) -> None:
    """Send scans to a server and download the results; of several, also write a table."""
    from services import batch
    from services.remote import job_options, send, service_errors
    from viscera_client import Client

    with service_errors():
        if args.list or len(args.scan) != 1:
            batch.command(args, job_options(args))
            return
        with _bars() as bars, Client(args.url, args.key or os.environ.get("VISCERA_KEY", "")) as client:
            send(client, args.scan[0], args, _stage_bars(bars))
    _summary(args.out)


def run(args: argparse.Namespace) -> None:
    """Run the three stages in this process."""
    from services.pipeline import run_scan

    with _bars() as bars:
        run_scan(
            args.scan,
            args.out,
            args.spacing,
            args.quality,
            modality=args.modality,
            coverage=args.coverage,
            model=_segmenter(args.model),
            report=_stage_bars(bars),
        )
    _summary(args.out)


def mesh(args: argparse.Namespace) -> None:
    """Mesh a label map: NIfTI, NRRD, MGH, DICOM SEG, or a folder of binary masks."""
    from services.label_maps import mesh_labels

    mesh_labels(args.label_map, args.out, args.quality, args.min_component, args.labels)
    _summary(args.out)


def models(args: argparse.Namespace) -> None:
    """Add, list, verify and remove models, choose the default of a modality, or give some jobs to a new one."""
    from services import model_commands

    model_commands.command(args.action, args.model, share=args.share, data=args.data, shadow=args.shadow)


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser for these words; commands of operators are left out where they can't be meant."""
    parser = argparse.ArgumentParser(prog="viscera", description="Abdominal scans in, organs out.")
    parser.add_argument("--version", action="version", version=f"viscera {version('viscera')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, action: Callable[[argparse.Namespace], None]) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=(action.__doc__ or "").strip(), description=action.__doc__)
        sub.set_defaults(command=action)
        return sub

    for name, action in (("demo", demo), ("run", run), ("submit", submit)):
        sub = command(name, action)
        sub.add_argument("scan", type=existing, nargs={"demo": "?", "submit": "*"}.get(name), metavar="SCAN")
        _result_options(sub)
        sub.add_argument("--spacing", type=spacing, metavar="Z,Y,X", help="mm, for PNG stacks")
        sub.add_argument(
            "--no-coverage", dest="coverage", action="store_false", help="read slices beyond the card's coverage too"
        )
        sub.add_argument("--modality", choices=("MR", "CT"), help="of a scan whose files do not say it")
        if name in ("demo", "run"):
            sub.add_argument("--model", metavar="MODEL", help="segmenter to use: its folder, NAME or NAME@VERSION")
        else:
            sub.add_argument("--model", dest="job_model", metavar="NAME", help="segmenter of the server to use")
        if name != "run":
            sub.add_argument(
                "--also", action="append", default=[], choices=ALSO, metavar="FILE",
                help=f"download another file of the result too: {', '.join(ALSO)}; may be repeated",
            )  # fmt: skip
        if name == "submit":
            sub.add_argument("--url", default="http://127.0.0.1:8000")
            sub.add_argument("--key", help="API key (default: VISCERA_KEY)")
            sub.add_argument("--list", type=existing, metavar="FILE", help="CSV whose column `scan` names more scans")
            sub.add_argument("--at-once", type=int, default=4, metavar="N", help="of several scans (default: 4)")
    sub = command("mesh", mesh)
    sub.add_argument("label_map", type=existing, metavar="LABELS")
    sub.add_argument("--labels", type=label_names, metavar="NAMES", help='viscera, or a JSON file: {"1": "liver"}')
    sub.add_argument("--min-component", type=float, default=0.0, metavar="ML", help="drop pieces below this volume")
    _result_options(sub)
    sub = command("models", models)
    sub.add_argument("action", choices=("add", "list", "verify", "use", "remove", "roll-out", "roll-back"))
    sub.add_argument("model", nargs="?", metavar="MODEL", help="a folder, or an added one's NAME or NAME@VERSION")
    sub.add_argument("--share", type=int, metavar="N", help="of a roll-out: percent of the jobs")
    sub.add_argument(
        "--shadow", action="store_true", help="of a roll-out: only compare with results, until interrupted"
    )
    installation.add_option(sub)
    if not words or words[0] not in OF_SCANS:
        from services import admin, doctor  # they take half a second to load, and need POSIX

        admin.register(command)
        doctor.register(command)
    sub = command("serve", serve)
    sub.add_argument("--host", default="127.0.0.1")
    sub.add_argument("--port", type=int, default=8000)
    sub.add_argument("--data", type=Path, default=Path(".viscera"), metavar="DIR")
    sub.add_argument("--tls-cert", type=existing, metavar="FILE", help="certificate chain (PEM): serve HTTPS")
    sub.add_argument("--tls-key", type=existing, metavar="FILE", help="its private key (PEM)")
    sub.add_argument("--dimse-port", type=int, metavar="N", help="receive C-STORE here (the usual port is 11112)")
    sub.add_argument("--dimse-aet", default="VISCERA", metavar="TITLE", help="AE title there (default: VISCERA)")
    sub = command("certificate", certificate)
    sub.add_argument("folder", type=Path, metavar="DIR")
    sub.add_argument("--name", action="append", default=[], help="a further host name or address of the certificate")
    return parser


def _result_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, default=Path("out"), metavar="DIR")
    parser.add_argument("--quality", choices=QUALITIES, default="standard")


def _web(data: Path) -> Path | None:
    """Return the folder of the built web application; without one the service still starts."""
    from services.bundle import BundleError, bundle

    if os.environ.get("VISCERA_WEB"):
        return Path(os.environ["VISCERA_WEB"])
    try:
        with console.status("building the web application (first start: half a minute)"):
            return bundle(data / "web")
    except BundleError as error:
        _complain(error)
        return None


def _segmenter(model: str | None) -> Path | None:
    """Return the folder of a named segmenter, checked before a worker does, which can say so only in its log."""
    if model is None:
        return None
    from services.model_commands import locate
    from shared.models.network import check_files
    from shared.models.registry import check_stage
    from shared.settings import Settings

    folder = locate(model, Settings())
    check_stage(check_files(folder), "segmenter")
    return folder


def _phantom(path: Path) -> Path:
    import nibabel as nib

    from shared.imaging.phantoms import abdomen

    volume = abdomen().volume
    nib.save(nib.Nifti1Image(volume.data.T, volume.geometry.ras), path)
    return path


@contextmanager
def _bars() -> Iterator[Progress]:
    columns = (TextColumn("{task.description:<28}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeElapsedColumn(), console=console) as bars:
        yield bars


def _stage_bars(bars: Progress) -> Callable[[str, float], None]:
    tasks: dict[str, Any] = {}

    def report(stage: str, done: float) -> None:
        if stage not in tasks:
            tasks[stage] = bars.add_task(stage, total=1.0)
        bars.update(tasks[stage], completed=done)

    return report


def _summary(out: Path) -> None:
    report = json.loads((out / "report.json").read_text())
    organs = [f"{organ['title']} {organ['volume_ml']:.1f} mL" for organ in report["organs"] if organ["present"]]
    for warning in report["warnings"]:
        console.print(f"[yellow]{warning['code']}[/yellow]: {warning['detail']}")
    print(f"{out}: {', '.join(organs) or 'no organ found'}")


def _complain(error: VisceraError) -> None:
    console.print(f"viscera: {error.detail} ({error.code})", markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
