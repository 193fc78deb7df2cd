"""A scan that takes its worker with it, loops for ever or eats all memory, among good ones; a child that hangs."""

import pytest

from shared.ledger.claims import ATTEMPTS
from shared.ledger.jobs import STAGES
from tests.faults.conftest import FULL

pytestmark = pytest.mark.timeout(300)
GOOD = 50 if FULL else 5
ENDS = {"segfault": "worker_lost", "loop": "timeout", "eat": "out_of_memory"}
DEADLINE = "10"


@pytest.mark.parametrize("bad", ENDS)
@pytest.mark.parametrize("stage", STAGES)
def test_a_bad_scan_among_good_ones(rig, stage, bad):
    armed = rig.arm(stage, "mid-work", bad)
    poison = rig.submit(**({"deadline": DEADLINE} if bad == "loop" else {}))
    rig.taken(armed)
    rig.arm(stage, "mid-work", f"{bad} {poison}")
    good = [rig.submit() for _ in range(GOOD)]
    rig.check(poison, ended="failed")
    rig.check(*good)
    assert rig.error(poison) == ENDS[bad]
    assert rig.attempts(poison, stage) <= ATTEMPTS


@pytest.mark.parametrize("stage", STAGES)
def test_a_child_that_hangs_for_ever_is_killed_and_its_worker_goes_on(rig, stage):
    armed = rig.arm(stage, "mid-work", "stop")
    job = rig.submit()
    rig.taken(armed)
    rig.check(job, rig.submit())
    assert rig.attempts(job, stage) == 2
