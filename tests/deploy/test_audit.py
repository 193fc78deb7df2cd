"""CI's audit of the lock files fails on a known vulnerability, and where no advisory service answers."""

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from services.local import free_port
from tests.deploy.test_files import ROOT

LOCK = "viscera-none-such==1.0 --hash=sha256:" + "0" * 64 + "\nviscera-none-other==2.0 --hash=sha256:" + "1" * 64 + "\n"
ADVISORY = {
    "id": "OSV-1", "summary": "bad", "details": "bad", "affected": [{
        "package": {"name": "viscera-none-such", "ecosystem": "PyPI"}, "versions": ["1.0"],
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.1"}]}],
    }],
}  # fmt: skip


@pytest.fixture
def service():
    """Answers as OSV does: one package has an advisory; yields its address and the switch for it."""
    known = {"viscera-none-such": [ADVISORY]}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            found = known.get(asked["package"]["name"])
            body = json.dumps({"vulns": found} if found else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query", known
    server.shutdown()
    server.server_close()


def audit(tmp_path, address: str, *more: str) -> subprocess.CompletedProcess[str]:
    lock = tmp_path / "lock.txt"
    lock.write_text(LOCK)
    command = [sys.executable, str(ROOT / ".ci" / "audit.py"), str(lock), "--osv", address, *more]
    return subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)


def test_a_known_vulnerability_fails(tmp_path, service):
    done = audit(tmp_path, service[0])
    assert done.returncode == 1
    assert "viscera-none-such 1.0: OSV-1, fixed in 1.1" in done.stdout
    assert "2 packages audited by OSV, 0 unknown to it: 1 known" in done.stdout


def test_none_passes_and_says_how_many_were_asked_for(tmp_path, service):
    service[1].clear()
    done = audit(tmp_path, service[0])
    assert done.returncode == 0
    assert "2 packages audited by OSV, 0 unknown to it: 0 known" in done.stdout


@pytest.mark.parametrize(("more", "status"), [((), 3), (("--unaudited-ok",), 0)])
def test_where_no_service_answers_nothing_is_audited_and_that_passes_only_if_asked_for(tmp_path, more, status):
    done = audit(tmp_path, f"http://127.0.0.1:{free_port()}/v1/query", *more)
    assert done.returncode == status
    assert "NOT AUDITED" in done.stdout
    assert "OSV can't tell" in done.stdout


def test_permission_to_go_unaudited_hides_no_vulnerability(tmp_path, service):
    assert audit(tmp_path, service[0], "--unaudited-ok").returncode == 1
