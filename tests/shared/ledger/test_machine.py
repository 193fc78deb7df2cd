"""Random histories of claim, lease, fence, cancel and rescue on the real SQL, against what the promise says."""

from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from shared.errors import Conflict
from shared.ledger import claims, jobs, sweep
from shared.ledger.claims import Claim, LostLease
from shared.ledger.tables import artifacts, events, stage_runs
from tests.shared.ledger.clock import Clock
from tests.shared.ledger.conftest import add_job

ENDS = ("succeeded", "failed", "cancelled")
LEASE, DEADLINE = 30.0, 900.0
JOBS = 2
ANY_JOB = st.integers(0, JOBS - 1)


@dataclass
class Held:
    """A claim some worker holds or once held, and when its lease runs out if nobody renews it."""

    claim: Claim
    worker: str
    until: float
    over: bool = False


@dataclass
class Expected:
    """What the promise says of one job; kept by the test's own few rules, not by the ledger's statements."""

    id: str
    deadline: float
    stage: int = 0
    end: str | None = None
    tries: int = 0
    held: Held | None = None
    published: dict[str, str] = field(default_factory=dict)

    @property
    def state(self) -> set[str]:
        return {self.end} if self.end else {"queued", "running"}


class Machine(RuleBasedStateMachine):
    """Two jobs, any number of workers that come, stall, wake, finish and fail, and a clock that moves by steps."""

    ledger = None

    @initialize()
    def accept(self):
        self.stack = ExitStack()
        self.clock = Clock()
        self.stack.enter_context(self.clock.drives(self.ledger))
        self.claims: list[Held] = []
        self.jobs = [Expected(add_job(self.ledger, seconds=DEADLINE), self.clock.now + DEADLINE) for _ in range(JOBS)]

    def teardown(self):
        self.stack.close()

    @rule(which=ANY_JOB, stage=st.sampled_from(jobs.STAGES), worker=st.sampled_from("abc"))
    def claim(self, which, stage, worker):
        job = self.jobs[which]
        free = job.end is None and job.held is None and stage == jobs.STAGES[job.stage]
        with self.ledger.write() as connection:
            got = claims.claim(connection, job.id, stage, worker, LEASE)
        assert (got is not None) == free
        if got:
            job.tries += 1
            assert got.attempt == job.tries <= claims.ATTEMPTS
            assert all(got.fence > old.claim.fence for old in self.claims if self._same(old.claim, got))
            job.held = Held(got, worker, self.clock.now + LEASE)
            self.claims.append(job.held)

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def renew(self, data):
        held = self._any(data)
        if self._acts(held, lambda c: claims.renew(c, held.claim, 0.5, LEASE)):
            held.until = self.clock.now + LEASE

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def complete(self, data):
        held = self._any(data)
        key = held.claim.prefix + held.claim.stage
        output = jobs.Artifact(held.claim.stage, held.claim.stage, key, "0" * 64, 1)
        if self._acts(held, lambda c: claims.complete(c, held.claim, [output])):
            job = self._job(held)
            job.published[held.claim.stage] = key
            self._moved_on(job, held)

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def fail(self, data):
        held = self._any(data)
        if self._acts(held, lambda c: claims.fail(c, held.claim, "corrupt_scan", "It is torn.")):
            self._ended(self._job(held), "failed")

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), counts=st.booleans())
    def release(self, data, counts):
        held = self._any(data)
        if counts and held.claim.attempt >= claims.ATTEMPTS:
            return  # a worker fails the job then
        if self._acts(held, lambda c: claims.release(c, held.claim, counts=counts)):
            self._let_go(self._job(held), counts)

    @rule(worker=st.sampled_from("abc"))
    def soft_shutdown(self, worker):
        with self.ledger.write() as connection:
            claims.release_all(connection, worker)
        for job in self.jobs:
            if job.held and job.held.worker == worker:
                self._let_go(job, counts=False)

    @rule(which=ANY_JOB)
    def cancel(self, which):
        job = self.jobs[which]
        if job.end is None:
            with self.ledger.write() as connection:
                jobs.cancel(connection, "t", job.id)
            self._ended(job, "cancelled")
        else:
            with pytest.raises(Conflict) as refused, self.ledger.write() as connection:
                jobs.cancel(connection, "t", job.id)
            assert refused.value.code == f"job_{job.end}"

    @rule(seconds=st.sampled_from([1.0, 10.0, LEASE + 1.0, DEADLINE / 2.0]))
    def time_passes(self, seconds):
        self.clock.advance(seconds)

    @rule(which=ANY_JOB)
    def a_worker_falls_silent(self, which):
        self.claim(which, jobs.STAGES[min(self.jobs[which].stage, 2)], "a")
        self.time_passes(LEASE + 1.0)
        self.reconcile()

    @rule()
    def reconcile(self):
        with self.ledger.write() as connection:
            sweep.requeue_expired(connection)
            sweep.expire(connection)
            sweep.due(connection)
        for job in self.jobs:
            if job.held and job.held.until < self.clock.now:
                if job.tries < claims.ATTEMPTS:
                    self._let_go(job, counts=True)
                else:
                    self._ended(job, "failed")
            if job.end is None and job.deadline < self.clock.now:
                self._ended(job, "failed")

    @invariant()
    def the_ledger_is_as_promised(self):
        for job in getattr(self, "jobs", []):
            with self.ledger.read() as connection:
                found = jobs.get(connection, "t", job.id)
                runs = connection.execute(select(stage_runs).where(stage_runs.c.job_id == job.id)).all()
                kinds = connection.execute(select(events.c.kind).where(events.c.job_id == job.id)).scalars().all()
                made = connection.execute(select(artifacts).where(artifacts.c.job_id == job.id)).all()
            self._check_state(job, found)
            self._check_stages(job, found, runs)
            assert [kind for kind in kinds if kind in ENDS] == ([job.end] if job.end else []), "one end, told once"
            assert {row.name: row.key for row in made} == job.published
            assert len(made) == len(job.published)

    def _check_state(self, job, found):
        assert found.state in job.state
        assert (found.ended is not None) == bool(job.end)
        assert found.stage == (None if job.end else jobs.STAGES[job.stage])

    def _check_stages(self, job, found, runs):
        running = [run for run in runs if run.state == "running"]
        assert len(running) <= 1, "at most one live claim"
        assert all(run.attempts <= claims.ATTEMPTS for run in runs)
        assert all((run.lease_until is not None) == (run.state == "running") for run in runs)
        if job.held:
            assert (running[0].stage, running[0].fence) == (job.held.claim.stage, job.held.claim.fence)
            assert running[0].lease_until == job.held.until
        else:
            assert not running
        done = [run.stage for run in found.stages if run.state == "done"]
        assert done == list(jobs.STAGES[: len(job.published)])
        assert {run.stage for run in runs if run.state == "ready"} <= ({found.stage} if found.stage else set())

    def _any(self, data):
        return data.draw(st.sampled_from(self.claims), label="claim")

    def _job(self, held):
        return next(job for job in self.jobs if job.id == held.claim.job_id)

    def _acts(self, held, action):
        """Whether a worker's step with this claim succeeds; it must exactly while the claim is the job's live one."""
        try:
            with self.ledger.write() as connection:
                action(connection)
        except LostLease:
            assert held.over, "a live claim was refused"
            return False
        assert not held.over, "a superseded claim changed something"
        return True

    def _let_go(self, job, counts):
        job.held.over, job.held = True, None
        job.tries -= not counts

    def _moved_on(self, job, held):
        held.over, job.held, job.tries = True, None, 0
        job.stage += 1
        if job.stage == len(jobs.STAGES):
            job.end = "succeeded"

    def _ended(self, job, end):
        if job.held:
            job.held.over, job.held = True, None
        job.end = end

    @staticmethod
    def _same(one, other):
        return (one.job_id, one.stage) == (other.job_id, other.stage)


@pytest.mark.timeout(180)
def test_no_history_breaks_the_promise(ledger):
    examples = 60 if ledger.engine.dialect.name == "sqlite" else 25
    profile = settings(
        max_examples=examples, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(type("Bound", (Machine,), {"ledger": ledger}), settings=profile)


def test_the_clock_is_the_tests(ledger):
    clock = Clock()
    with clock.drives(ledger):
        job = add_job(ledger)
        clock.advance(5.0)
        with ledger.write() as connection:
            claims.claim(connection, job, "classifier", "w", LEASE)
    with ledger.read() as connection:
        found = jobs.get(connection, "t", job)
    assert (found.created, found.started, found.deadline) == (1e9, 1e9 + 5.0, 1e9 + 600.0)
