"""Accepted corrections become training data without anything of the patient, for tenants that consent."""

import json

import nibabel as nib
import numpy as np
import pytest

from services import cli
from shared.errors import Forbidden
from shared.ledger import audit, corrected, descriptions
from shared.operations.corrections import export
from shared.storage.connect import open_store
from tests.services.api import conftest as api
from tests.services.api.test_revisions import patch, written
from training.dataset.cases import IGNORE
from training.dataset.corrected import corrected_results
from training.dataset.gather import Sources, prepare

settings, app, client, ledger, scan, runner = api.settings, api.app, api.client, api.ledger, api.scan, api.runner


@pytest.fixture
def store(settings):
    return open_store(settings.store_url)


@pytest.fixture
def phantom():
    return api.abdomen(api.small_grid())


@pytest.fixture
def job(client, runner, tmp_path, scan, phantom):
    """A result whose stomach somebody gave another name, and accepted."""
    made = api.outlined(client, runner, tmp_path, scan, phantom.labels, "nifti", phantom.volume)
    runner.run(made)
    k, row, column = (int(n) for n in np.argwhere(phantom.labels.data == 1)[0])
    edit = {"kind": "relabel", "at": [column, row, k], "label": 3}
    assert patch(client, made, {"edits": [edit]}).status_code == 202
    written(client, runner, made, "model.glb?revision=2")
    client.patch(f"/v1/jobs/{made}", json={"name": "CANARY", "note": "CANARY", "review": "accepted"})
    return made


def allow(ledger):
    with ledger.write() as connection:
        corrected.set_consent(connection, "default", allowed=True)


def test_without_consent_nothing_is_written(ledger, store, job, tmp_path):
    with pytest.raises(Forbidden, match="consent"):
        list(export(ledger, store, "default", tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_scan_and_corrected_outlines_are_written_and_training_reads_them(ledger, store, job, phantom, tmp_path):
    allow(ledger)
    (line,) = export(ledger, store, "default", tmp_path / "out")
    folder = tmp_path / "out" / "corrections"
    (about,) = folder.glob("*.json")
    facts = json.loads(about.read_text())
    assert (facts["revision"], facts["kinds"], set(facts["changed"])) == (2, ["relabel"], {"1", "3"})
    image = nib.load(about.with_name(f"{about.stem}_image.nii.gz"))
    labels = nib.load(about.with_name(f"{about.stem}_labels.nii.gz"))
    np.testing.assert_allclose(image.affine, phantom.volume.geometry.ras, atol=1e-4)
    assert (phantom.volume.data == np.asarray(image.dataobj).T).all()
    right = np.asarray(labels.dataobj).T
    assert ((right != phantom.labels.data).sum(), set(np.unique(right))) != (0, {0, 1, 2, 3})
    for path in folder.iterdir():
        assert b"CANARY" not in path.read_bytes()
        assert job not in path.name
    (case,) = corrected_results(folder)
    assert (case.patient, case.kind, case.name) == (facts["patient"], "volume", about.stem)
    assert {n: int((case.labels == n).sum()) for n in (1, 2, 3)} == {n: int((right == n).sum()) for n in (1, 2, 3)}
    lines = prepare(tmp_path / "out", tmp_path / "cases", Sources(phantoms=0))
    assert [text.split()[0] for text in lines] == [about.stem]
    with ledger.read() as connection:
        assert "export_corrections" in {record.action for record in audit.records(connection, "default", 0)}
    assert line.startswith(about.stem)


def test_a_second_export_has_the_same_names_and_another_folder_has_others(ledger, store, job, tmp_path):
    allow(ledger)
    first, again, other = (list(export(ledger, store, "default", tmp_path / name)) for name in ("a", "a", "b"))
    assert first == again
    assert first != other
    assert (tmp_path / "a" / "corrections" / "key").stat().st_mode & 0o077 == 0


def test_what_nobody_accepted_or_corrected_is_left_out(ledger, store, job, client, runner, scan, tmp_path, phantom):
    allow(ledger)
    plain = api.outlined(client, runner, tmp_path, scan, phantom.labels, "nifti", phantom.volume)
    runner.run(plain)
    with ledger.write() as connection:
        descriptions.review(connection, plain, "accepted", "somebody")
        descriptions.review(connection, job, "needs_correction", "somebody")
    assert list(export(ledger, store, "default", tmp_path / "out")) == []


def test_labels_of_another_set_leave_the_rest_unknown(ledger, store, job, tmp_path):
    allow(ledger)
    list(export(ledger, store, "default", tmp_path / "out"))
    (about,) = (tmp_path / "out" / "corrections").glob("*.json")
    facts = json.loads(about.read_text())
    about.write_text(json.dumps(facts | {"labels": {"liver": 3, "large_bowel": 2}}))
    (case,) = corrected_results(about.parent)
    assert set(np.unique(case.labels)) == {0, 3, IGNORE}


def test_the_commands_record_consent_and_write(capsys, ledger, job, settings, tmp_path, monkeypatch):
    data = tmp_path  # the ledger and the store of the gateway in the fixture
    place = ("--data", str(data))
    cli.main(("corrections", "consent", *place))
    assert "default  corrections may be exported" in capsys.readouterr().out
    cli.main(("corrections", "export", str(tmp_path / "out"), *place))
    assert "revision 2" in capsys.readouterr().out
    cli.main(("corrections", "withdraw", *place))
    with pytest.raises(SystemExit):
        cli.main(("corrections", "export", str(tmp_path / "out"), *place))
