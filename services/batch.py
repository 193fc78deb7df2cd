"""Sends many scans to a server, a few at once, and writes one table of their volumes and warnings.

A run that was interrupted continues where it stopped when the command is repeated: each scan has an Idempotency-Key of
its own, so that the server makes no second job of it, and finished results are not downloaded again.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from services.remote import FILES
from shared.errors import BadScan, VisceraError
from viscera_client import Client, JobFailed, ServiceError, packed
from viscera_client.models import Job, JobOptions, Notice
from viscera_client.report import Report
from viscera_client.uploading import IN_PARTS, query, scan_options

BUSY = {
    "queue_full", "quota_jobs", "rate_limited", "too_many_uploads", "busy", "disk_full", "ledger_unavailable",
    "store_unavailable", "unreachable",
}  # fmt: skip
"""Codes of errors that end by themselves."""
PAUSES = (1.0, 2.0, 5.0, 10.0, 20.0, *(30.0,) * 20)
"""Seconds before each further attempt; together ten minutes."""
COLUMNS = ("scan", "job", "state", "error", "warnings", "models")
TABLE, STATE = "results.csv", "batch.json"


@dataclass(frozen=True, slots=True)
class Item:
    """One scan of a batch: where it is, the folder of its result, its options, and the files of its result."""

    scan: Path
    out: Path
    options: JobOptions
    files: tuple[str, ...] = FILES


@dataclass(slots=True)
class Batch:
    """Scans with the rows of the table that they have so far; `changed` is called after each scan."""

    items: Sequence[Item]
    out: Path
    connect: Callable[[], Client]
    changed: Callable[[int], None] = lambda _: None
    rows: dict[Path, dict[str, str]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, at_once: int) -> list[dict[str, str]]:
        """Process every scan, `at_once` at a time; return the rows of the table in the order of the scans.

        Raises the server's error at once if it can't be reached or does not accept the key.
        """
        with self.connect() as client:
            client.jobs()
        identity = _identity(self.out)
        pool = ThreadPoolExecutor(at_once)
        try:
            for future in [pool.submit(self._process, item, identity) for item in self.items]:
                future.result()
        finally:
            pool.shutdown(cancel_futures=True)
        return [self.rows[item.scan] for item in self.items]

    def _process(self, item: Item, identity: str) -> None:
        row = finished_row(item) or _send(item, identity, self.connect)
        with self._lock:
            self.rows[item.scan] = row
            write_table(self.out / TABLE, [self.rows[each.scan] for each in self.items if each.scan in self.rows])
            self.changed(len(self.rows))


def items_of(scans: Sequence[Path], out: Path, options: JobOptions, files: tuple[str, ...] = FILES) -> list[Item]:
    """Return the scans, each once; folders below `out` are named after what tells their paths apart."""
    distinct = list(dict.fromkeys(scan.resolve() for scan in scans))
    parent = Path(os.path.commonpath([scan.parent for scan in distinct]))
    return [Item(scan, out / "_".join(scan.relative_to(parent).parts), options, files) for scan in distinct]


def read_list(path: Path) -> list[Path]:
    """Return the paths in the column `scan` of a CSV file; relative ones start at the file's folder.

    Raises BadScan where a path does not exist or the column is missing.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    if not rows or "scan" not in rows[0]:
        raise BadScan(f"{path.name} has no column `scan`.", "bad_list")
    scans = [path.parent / row["scan"] for row in rows]
    for scan in scans:
        if not scan.exists():
            raise BadScan(f"{path.name} names {scan.name}, which does not exist.", "bad_list")
    return scans


def finished_row(item: Item) -> dict[str, str] | None:
    """Return the row of a scan whose result is complete in its folder."""
    ended = item.out / "job.json"
    if not ended.exists():
        return None
    job = json.loads(ended.read_text())
    if job["state"] == "succeeded" and not all((item.out / name).exists() for name in item.files):
        return None
    return _row(item, job["id"], job["state"], (job["error"] or {}).get("code", ""))


def write_table(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Write the rows as CSV, complete or not at all; each organ has columns of its own."""
    organs = dict.fromkeys(name for row in rows for name in row if name not in COLUMNS)
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, [*COLUMNS, *organs], restval="")
    writer.writeheader()
    writer.writerows(rows)
    _replace(path, buffer.getvalue())


def command(args: argparse.Namespace, options: JobOptions) -> None:
    """Send the scans of the command line; print each row's state and the place of the table.

    Raises VisceraError if a scan has no result.
    """
    key = args.key or os.environ.get("VISCERA_KEY", "")
    scans = [*args.scan, *(read_list(args.list) if args.list else [])]
    if not scans:
        raise VisceraError("Name the scans to send.", "usage")
    items = items_of(scans, args.out, options, (*FILES, *args.also))

    def changed(done: int) -> None:
        print(f"{done} of {len(items)} done", file=sys.stderr, flush=True)

    rows = Batch(items, args.out, lambda: Client(args.url, key, patience=0.0), changed).run(args.at_once)
    without = [row for row in rows if row["state"] != "succeeded"]
    for row in without:
        print(f"{row['scan']}: {row['state']} ({row['error']})")
    print(f"{args.out / TABLE}: {len(rows) - len(without)} of {len(rows)} scans have a result")
    if without:
        raise VisceraError(f"{len(without)} of {len(rows)} scans have no result.", "batch_incomplete")


def _send(item: Item, identity: str, connect: Callable[[], Client]) -> dict[str, str]:
    """Send one scan and download its result; an error that ends by itself is waited out."""
    for pause in (*PAUSES, None):
        try:
            with connect() as client:
                job = _job(client, item, identity)
        except ServiceError as error:
            if error.code not in BUSY or pause is None:
                return _row(item, "", "refused", error.code)
            time.sleep(pause)
        else:
            return _row(item, job.id, job.state, job.error.code if job.error else "")
    raise AssertionError("the last attempt returns")


def _job(client: Client, item: Item, identity: str) -> Job:
    item.out.mkdir(parents=True, exist_ok=True)
    ended = item.out / "job.json"  # of a job with a result, files are missing that were not requested before
    job_id = str(json.loads(ended.read_text())["id"]) if ended.exists() else _start(client, item, identity)
    with suppress(JobFailed):
        client.wait(job_id)
    job = client.job(job_id)
    if job.state == "succeeded":
        for name in item.files:
            client.download(job.id, name, item.out / name)
    _replace(item.out / "job.json", job.model_dump_json(include={"id", "state", "error"}))
    return job


def _start(client: Client, item: Item, identity: str) -> str:
    with packed(item.scan) as path:
        key = _key(item, identity, path)
        if path.stat().st_size > IN_PARTS:
            return client.start(_uploaded(client, item, path, key), key=key, **item.options).id
        return client.submit(path, key=key, **item.options).id


def _uploaded(client: Client, item: Item, path: Path, key: str) -> str:
    """Return the id of a large scan on the server; it is uploaded once, because its id belongs to the request."""
    note = item.out / "upload.json"
    if note.exists() and (before := json.loads(note.read_text()))["key"] == key:
        return str(before["scan"])
    scan_id = client.upload(path, **scan_options(item.options)).id
    _replace(note, json.dumps({"key": key, "scan": scan_id}))
    return scan_id


def _key(item: Item, identity: str, path: Path) -> str:
    """Return the Idempotency-Key: the same batch, folder, options and bytes give the same job."""
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    options = [f"{name}={value}" for name, value in sorted(query(item.options).items())]
    parts = [identity, item.out.name, content, *options]
    return "batch-" + hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _identity(out: Path) -> str:
    """Return the random name of the batch in this folder, which is made at its first run."""
    path = out / STATE
    out.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _replace(path, json.dumps({"batch": uuid.uuid4().hex}))
    return str(json.loads(path.read_text())["batch"])


def _row(item: Item, job_id: str, state: str, error: str) -> dict[str, str]:
    row = {"scan": str(item.scan), "job": job_id, "state": state, "error": error}
    if state != "succeeded":
        return row
    report = Report.model_validate_json((item.out / "report.json").read_bytes())
    row["warnings"] = _codes(report.warnings)
    row["models"] = " ".join(f"{model.name}:{model.version}" for model in report.models)
    for organ in report.organs:
        row |= {f"{organ.name}_ml": f"{organ.volume_ml:.3f}"} if organ.present else {}
        row |= {f"{organ.name}_warnings": _codes(organ.warnings)} if organ.warnings else {}
    return row


def _codes(warnings: Sequence[Notice]) -> str:
    return " ".join(warning.code for warning in warnings)


def _replace(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8", newline="")
    part.replace(path)
