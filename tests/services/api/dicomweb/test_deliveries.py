"""Deliveries over HTTP: each can be retried, however many there are."""

from sqlalchemy import update

from shared.ledger.dicom import deliveries as dicom_deliveries
from shared.ledger.dicom.tables import deliveries
from tests.shared.ledger.conftest import add_job


def test_the_oldest_of_502_deliveries_is_retried_and_returned(client, ledger):
    names = [f"pacs{number}" for number in range(502)]
    job = add_job(ledger, tenant="default")
    with ledger.write() as connection:
        dicom_deliveries.plan(connection, "default", job, names)
        connection.execute(update(deliveries).values(state="failed", created=deliveries.c.created))
        connection.execute(update(deliveries).where(deliveries.c.destination == names[0]).values(created=0.0))
        (oldest,) = [row.id for row in connection.execute(deliveries.select()) if row.destination == names[0]]
    answer = client.post(f"/v1/dicom/deliveries/{oldest}/retry")
    assert answer.status_code == 200
    assert (answer.json()["id"], answer.json()["state"]) == (oldest, "pending")


def test_a_delivery_of_another_tenant_is_not_found_and_stays_as_it_is(stranger, ledger):
    job = add_job(ledger, tenant="default")
    with ledger.write() as connection:
        dicom_deliveries.plan(connection, "default", job, ["pacs"])
        connection.execute(update(deliveries).values(state="failed"))
        (identifier,) = [row.id for row in connection.execute(deliveries.select())]
    assert stranger.post(f"/v1/dicom/deliveries/{identifier}/retry").status_code == 404
    with ledger.read() as connection:
        assert dicom_deliveries.get(connection, "default", identifier).state == "failed"
