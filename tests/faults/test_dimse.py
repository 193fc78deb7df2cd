"""A scanner sends by C-STORE and results go back by C-STORE while processes die: stored once, one job, all arrives."""

import itertools
import os
import signal
import threading
import time
from collections import Counter

import httpx
import pydicom
import pytest
from sqlalchemy import select, update

from shared.failpoints import POINTS
from shared.ledger.dicom import tables
from shared.ledger.engine import now
from tests.faults.conftest import painted_series
from tests.faults.rig import PATIENCE
from tests.faults.s3_proxy import FAULTS
from tests.support import dcmtk
from tests.support.archive import NO_RESOURCES, SUCCESS

pytestmark = pytest.mark.timeout(150)
STORED = ("after-store", "after-commit")


class Scanner:
    """One series, and the instances of it that were acknowledged; it sends again what was not."""

    def __init__(self, rig, folder):
        self.rig = rig
        self.files = {pydicom.dcmread(path).SOPInstanceUID: path for path in painted_series(folder).iterdir()}
        self.series = pydicom.dcmread(next(iter(self.files.values()))).SeriesInstanceUID
        self.acknowledged = set()

    def send(self):
        """Sends once what is missing; what is acknowledged must be stored at that moment and later."""
        missing = [uid for uid in self.files if uid not in self.acknowledged]
        call = ("-nh", "-to", "20", "-td", "20", "-aet", "SCANNER", "-aec", "VISCERA", "127.0.0.1", self.rig.dimse)
        output = dcmtk.run("storescu", *call, *(self.files[uid] for uid in missing))[1]
        answers = [line for line in output.splitlines() if "Sending file" in line or "Store Response" in line]
        for line, following in itertools.pairwise(answers):
            if "Sending file" in line and "(Success)" in following:
                self.acknowledged.add(next(uid for uid in missing if str(self.files[uid]) in line))

    def send_all(self, seconds=PATIENCE):
        """Sends until all is acknowledged."""
        until = time.monotonic() + seconds
        while len(self.acknowledged) < len(self.files):
            assert time.monotonic() < until
            self.send()
            assert self.acknowledged <= set(self.stored())
            time.sleep(0.3)

    def stored(self):
        with self.rig.ledger.read() as connection:
            query = select(tables.instances.c.uid).join(tables.series)
            return list(connection.execute(query.where(tables.series.c.uid == self.series)).scalars())

    def jobs(self):
        with self.rig.ledger.read() as connection:
            query = select(tables.series_jobs.c.job_id).join(tables.series)
            return list(connection.execute(query.where(tables.series.c.uid == self.series)).scalars())

    def be_quiet(self):
        """As if nothing had arrived for longer than the quiet time."""
        with self.rig.ledger.write() as connection:
            connection.execute(
                update(tables.series).where(tables.series.c.uid == self.series).values(touched=now() - 1000.0)
            )

    def check(self):
        """Each instance once, one job, with the bytes of a run without faults."""
        assert sorted(self.stored()) == sorted(self.files)
        self.be_quiet()
        self.rig.until(self.jobs)
        (job,) = self.jobs()
        self.rig.check(job)
        assert self.jobs() == [job]
        return job


@pytest.fixture
def scanner(rig, tmp_path):
    return Scanner(rig, tmp_path / "series")


@pytest.fixture
def archive(rig):
    """The archive that results go to, once those of earlier cells have arrived."""
    open_ = select(tables.deliveries.c.job_id).where(tables.deliveries.c.state.in_(("pending", "sending")))
    unpublished = select(tables.series_jobs.c.job_id).where(tables.series_jobs.c.published == 0)

    def all_arrived():
        with rig.ledger.read() as connection:
            waiting = [*connection.execute(open_).scalars(), *connection.execute(unpublished).scalars()]
        for job in waiting:
            be_due(rig, job)
        return not waiting

    rig.until(all_arrived)
    return rig.archive


@pytest.mark.parametrize("what", ["kill", "stop"])
@pytest.mark.parametrize("point", STORED)
def test_node_struck_while_it_stores(rig, scanner, point, what):
    armed = rig.arm("dimse", point, what)
    sending = threading.Thread(target=scanner.send_all)
    sending.start()
    process = rig.taken(armed)
    if what == "stop":
        time.sleep(4.0)
        os.kill(process, signal.SIGCONT)
    sending.join(PATIENCE)
    scanner.check()


def test_node_killed_between_two_associations(rig, scanner):
    rig.kill("dimse")
    scanner.send_all()
    scanner.check()


def test_broker_forgets_everything_while_a_series_arrives(rig, scanner):
    scanner.send()
    rig.flush()
    scanner.send_all()
    scanner.check()


@pytest.mark.parametrize("how", ["cut", "stalled", "crash"])
def test_database_struck_while_a_series_arrives(rig, server_only, scanner, how):
    sending = threading.Thread(target=scanner.send_all)
    sending.start()
    if how == "cut":
        for _ in range(5):
            rig.cut_database_connections()
            time.sleep(0.3)
    elif how == "stalled":
        with rig.stalled_database():
            time.sleep(4.0)
    else:
        rig.restart_database(how)
    sending.join(PATIENCE)
    scanner.check()


def test_cut_off_between_the_commit_and_the_answer_of_an_instance(rig, database, scanner):
    database.arm("INSERT INTO dicom_instances")
    scanner.send_all()
    assert database.cut.is_set()
    scanner.check()


@pytest.mark.parametrize("fault", FAULTS)
def test_s3_fails_while_a_series_arrives(rig, s3_proxy, scanner, fault):
    armed = s3_proxy.arm(fault, "PUT", "/original")
    scanner.send_all()
    assert armed.struck
    scanner.check()


def test_nothing_is_acknowledged_on_a_full_disk(rig, disk, scanner):
    disk.fill()
    scanner.send()
    assert not scanner.acknowledged
    assert not scanner.stored()
    disk.free()
    scanner.send_all()
    scanner.check()


@pytest.mark.parametrize("point", STORED)
@pytest.mark.parametrize("who", ["gateway", "reconciler"])
def test_killed_while_it_closes_a_series(rig, scanner, who, point):
    scanner.send_all()
    armed = rig.arm("series", point, "kill")
    if who == "reconciler":
        scanner.be_quiet()
    else:
        headers = {"Authorization": f"Bearer {rig.system.key}"}
        with pytest.raises(httpx.TransportError):
            httpx.post(f"{rig.system.url}/v1/dicom/series/{scanner.series}/close", headers=headers, timeout=60)
    rig.taken(armed)
    scanner.check()
    rig.system.wait_ready()


@pytest.mark.parametrize("point", STORED)
def test_reconciler_killed_while_it_adds_results_to_the_study(rig, scanner, archive, point):
    armed = rig.arm("results", point, "kill")
    scanner.send_all()
    job = scanner.check()
    rig.taken(armed)
    check_delivered(rig, archive, job)


def test_a_worker_killed_while_it_writes_the_files_of_a_series(rig, scanner, archive):
    armed = rig.arm("files", POINTS[2], "kill-worker")
    scanner.send_all()
    job = scanner.check()
    rig.taken(armed)
    check_delivered(rig, archive, job)


def refuse(_):
    return NO_RESOURCES


def abort(event):
    event.assoc.abort()
    return NO_RESOURCES


def kill_the_sender(rig):
    def answer(_):
        rig.kill("reconciler")
        return SUCCESS

    return answer


@pytest.mark.parametrize("place", [0, 2])
@pytest.mark.parametrize("how", ["refuses", "aborts", "sender dies"])
def test_a_delivery_by_c_store_breaks_and_is_repeated(rig, scanner, archive, how, place):
    broken = {"refuses": refuse, "aborts": abort, "sender dies": kill_the_sender(rig)}[how]
    archive.answers[:] = [lambda _: SUCCESS] * place + [broken]
    scanner.send_all()
    check_delivered(rig, archive, scanner.check())
    assert not archive.answers


def test_the_archive_is_down_for_a_while(rig, scanner, archive):
    with archive.down():
        scanner.send_all()
        job = scanner.check()
        rig.until(lambda: [row.error for row in deliveries_of(rig, job)] not in ([], [None]))
    check_delivered(rig, archive, job)


def deliveries_of(rig, job):
    with rig.ledger.read() as connection:
        return connection.execute(select(tables.deliveries).where(tables.deliveries.c.job_id == job)).all()


def be_due(rig, job):
    """As if the wait for the next attempt, or the lease of a sender that died, were over."""
    condition = (tables.deliveries.c.job_id == job) & (tables.deliveries.c.due > now() + 2.0)
    with rig.ledger.write() as connection:
        connection.execute(update(tables.deliveries).where(condition).values(due=now()))


def check_delivered(rig, archive, job):
    """One delivery, done; the results are in the study once and arrived, each of the kinds at least once."""

    def is_done():
        (delivery,) = deliveries_of(rig, job) or [None]
        if delivery is not None and delivery.attempts and delivery.state != "delivered" and delivery.error:
            be_due(rig, job)
        return delivery is not None and delivery.state == "delivered"

    rig.until(lambda: deliveries_of(rig, job))
    started = time.monotonic()
    while not is_done():
        assert time.monotonic() - started < PATIENCE
        time.sleep(0.5)
        if time.monotonic() - started > 8.0:  # longer than an attempt takes: whoever took it is dead
            be_due(rig, job)
    query = select(tables.instances.c.uid).join(tables.results).where(tables.results.c.job_id == job)
    with rig.ledger.read() as connection:
        results = list(connection.execute(query).scalars())
    kinds = Counter(archive.modalities().get(uid) for uid in results)
    assert kinds == {"SEG": 1, "SR": 1, "RTSTRUCT": 1, "M3D": 3}, "each arrived, and is in the study once"
