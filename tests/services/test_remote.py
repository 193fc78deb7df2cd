"""What a service refuses, or can't do, ends `viscera submit` with its sentence and an exit status."""

import json

import pytest

from services import cli
from tests.support.answers import Answer, answering
from tests.viscera_client.test_steps import JOB

FAILED = JOB | {"state": "failed", "error": {"code": "corrupt_scan", "detail": "Truncated or damaged data."}}


def problem(status, code, detail):
    return Answer(status, json.dumps({"code": code, "detail": detail}).encode())


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        (problem(422, "not_a_scan", "There is no image in it."), 2, "There is no image in it. (not_a_scan)"),
        (Answer(202, json.dumps(FAILED).encode()), 2, "Truncated or damaged data. (corrupt_scan)"),
        (problem(500, "internal_error", "Something went wrong."), 1, "Something went wrong. (internal_error)"),
    ],
    ids=["refused", "failed", "broken"],
)
def test_an_error_of_the_service_ends_the_command(tmp_path, capsys, answer, status, says):
    (tmp_path / "scan.nii").write_bytes(b"scan")
    with answering() as server:
        server.answers[:] = [answer]
        words = ["submit", str(tmp_path / "scan.nii"), "--url", server.url, "--key", "k", "--out", str(tmp_path)]
        with pytest.raises(SystemExit) as ended:
            cli.main(words)
    assert ended.value.code == status
    assert says in capsys.readouterr().err
