"""The running system keeps to its own OpenAPI document, whatever is sent to it."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(600)  # one worker beside the other tests of a run: 64 s alone
def test_no_server_error_no_undocumented_answer_no_schema_violation(system):
    """Schemathesis, with all its checks, on the embedded system; its own key alone is not for it to revoke."""
    command = [
        str(Path(sys.executable).parent / "schemathesis"),
        *("--config-file", str(ROOT / "schemathesis.toml"), "run", f"{system.url}/openapi.json"),
        *("--header", f"Authorization: Bearer {system.key}", "--exclude-path", "/v1/keys/{key_id}"),
        *("--max-examples", "15", "--seed", "7", "--workers", "1", "--request-timeout", "90", "--no-color"),
        # One worker: Python 3.11 counts the depth of ast.parse over all threads, so two at once can raise SystemError.
        *("--suppress-health-check", "filter_too_much"),  # about the making of examples, not about answers
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=560, cwd=ROOT)
    failures = done.stdout.partition(" FAILURES ")[2].partition(" WARNINGS ")[0]
    assert done.returncode == 0, failures[:6000] or done.stdout[-6000:]
    assert "Tested" in done.stdout
