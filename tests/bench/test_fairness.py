"""A short form of `bench.fairness`: a single job beside many jobs of another tenant, on the real queue."""

import json
import subprocess
import sys

import pytest

from tests.support.postgresql import programs


@pytest.mark.timeout(120)
@pytest.mark.skipif(programs() is None, reason="PostgreSQL's server is not installed on this machine")
def test_at_each_stage_one_run_of_the_other_tenant_at_most_starts_before_a_single_job(tmp_path):
    out = tmp_path / "report.json"
    options = ["--many", "40", "--single", "3", "--seconds", "0.4", "--out", str(out)]
    done = subprocess.run([sys.executable, "-m", "bench.fairness", *options], capture_output=True, check=False)
    assert out.exists(), done.stderr.decode()[-2000:]
    report = json.loads(out.read_text())
    assert report["left_at_the_end"] > 0, report
    assert report["overtaken"] <= report["workers_per_stage"] == 1, report
