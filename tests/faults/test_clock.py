"""A worker whose clock is hours wrong works beside one whose clock is right: the database's clock decides."""

from pathlib import Path

import pytest

from shared.ledger.jobs import STAGES

pytestmark = [pytest.mark.timeout(150), pytest.mark.usefixtures("server_only")]
ONLY_THE_CLOCK = {"FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_FORCE_MONOTONIC_FIX": "0"}
"""Without these the library prolongs waits on conditions: Python's threads then hardly ever change places."""
LIBRARIES = sorted(Path("/usr/lib").glob("**/libfaketimeMT.so.1"))


@pytest.mark.skipif(not LIBRARIES, reason="libfaketime is not installed: the package libfaketime")
@pytest.mark.parametrize("skew", ["+3h", "-3h"])
@pytest.mark.parametrize("stage", STAGES)
def test_a_worker_with_a_wrong_clock(rig, stage, skew):
    wrong = {"LD_PRELOAD": str(LIBRARIES[0]), "FAKETIME": skew} | ONLY_THE_CLOCK
    right = rig.workers(stage)
    with rig.second_worker(stage, **wrong):
        rig.until(lambda: len(rig.workers(stage)) > len(right))
        with rig.frozen(stage):
            alone = rig.submit()
            rig.check(alone)
        together = [rig.submit() for _ in range(4)]
        rig.check(*together)
        # Not by the number of tries: under the library time.sleep fails (EINVAL) when it is called a moment too late.
        assert not any("worker_lost" in rig.happened(job) for job in [alone, *together])
        assert not rig.worked([alone], stage) & right, "the one with the wrong clock did it"
