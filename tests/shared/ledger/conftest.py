import pytest

from shared.ledger import Ledger, jobs
from tests.support import contracts


@pytest.fixture(params=contracts.LEDGERS)
def ledger(request, tmp_path):
    place = request.getfixturevalue("postgresql") if request.param == "postgresql" else tmp_path
    with contracts.LEDGERS[request.param](place) as made:
        yield made


@pytest.fixture
def job(ledger: Ledger) -> str:
    return add_job(ledger)


def add_job(ledger: Ledger, tenant: str = "t", seconds: float = 600.0) -> str:
    with ledger.write() as connection:
        jobs.ensure_tenant(connection, tenant)
        scan_id = jobs.new_id("scan")
        jobs.add_scan(connection, tenant, jobs.Scan(scan_id, f"scans/{scan_id}/original", "0" * 64, 1, "png"))
        return jobs.create(connection, tenant, scan_id, {"quality": "standard"}, seconds=seconds)
