"""A model is compared with the results of ended jobs: nothing of a job changes, and only sums are kept."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax
from sqlalchemy import select

from services.segmenter.agreement import Agreement
from services.segmenter.shadow import Shadow
from shared.ledger import erasure, model_statistics
from shared.ledger.model_statistics import DICE, DIFFERENCE
from shared.ledger.model_tables import shadow_runs
from shared.ledger.tables import artifacts
from shared.ledger.tables import jobs as job_rows
from shared.models import library, registry
from shared.models.network import Network
from tests.support import contracts
from tests.support.tiny_models import by_brightness, tiny_card

ROOT = Path(__file__).parents[3]
NAMES = ("stomach", "small_bowel", "large_bowel")


@pytest.fixture
def store(tmp_path):
    return contracts.local_store(tmp_path)


@pytest.fixture
def twin(settings, tmp_path):
    """The default's network under another name."""
    card = registry.card("segmenter", settings)
    return registry.load("segmenter", settings, by_brightness(tmp_path / "twin", name="twin", input=card.input))


def statistics(ledger, key):
    with ledger.write() as connection:
        model_statistics.add_up(connection)
        return model_statistics.of_models(connection)[key]


def means(found, kind):
    return {organ: each.every.mean for (each_kind, organ), each in found.quantities.items() if each_kind == kind}


def state(ledger, store):
    """All that the ledger and the store have of jobs."""
    with ledger.read() as connection:
        rows = [connection.execute(select(table)).all() for table in (job_rows, artifacts)]
    return rows, sorted(store.keys())


def test_a_twin_of_the_default_agrees_and_nothing_of_the_job_changes(ledger, store, run, twin):
    job = run(0)
    seen: list[Mapping[str, Agreement]] = []
    before = state(ledger, store)
    shadow = Shadow(ledger, store, twin, 100)
    shadow.introduce()
    assert shadow.compare_next(seen.append)
    assert not shadow.compare_next(), "a job is compared once"
    assert (job.state, job.model) == ("succeeded", None)
    assert state(ledger, store) == before
    assert set(seen[0]) == set(NAMES)
    found = statistics(ledger, twin.card.key)
    assert found.jobs == {}
    assert means(found, DICE) == dict.fromkeys(NAMES, 1.0)
    assert means(found, DIFFERENCE) == dict.fromkeys(NAMES, 0.0)


def test_a_model_with_other_outlines_has_a_lower_dice_and_another_volume(ledger, store, run, settings):
    def all_stomach(stacks):
        middle = stacks[:, 1:2].astype(np.float32)
        return softmax(
            np.concatenate([20.0 - middle, middle - 20.0, 0 * middle - 999, 0 * middle - 999], axis=1), axis=1
        )

    run(0)
    card = tiny_card("segmenter", name="other", input=registry.card("segmenter", settings).input)
    assert Shadow(ledger, store, Network(card, "cpu", "cpu", (all_stomach,)), 100).compare_next()
    found = statistics(ledger, card.key)
    dice, difference = means(found, DICE), means(found, DIFFERENCE)
    assert (dice["small_bowel"], dice["large_bowel"]) == (0.0, 0.0)
    assert difference["small_bowel"] < 0.0 < difference["stomach"]
    assert 0.0 < dice["stomach"] < 1.0


def test_results_of_the_model_itself_and_those_outside_the_share_are_left_out(ledger, store, run, settings):
    run(100)
    new = registry.load("segmenter", settings, library.named(settings.models, "new")[0])
    assert not Shadow(ledger, store, new, 100).compare_next()
    twin = registry.load("segmenter", settings, registry.folder("segmenter", settings))
    assert not Shadow(ledger, store, twin, 0).compare_next()


def test_a_model_that_reads_slices_is_not_compared_where_none_were_scored(ledger, store, run, twin):
    run(100)
    seen: list[Mapping[str, Agreement]] = []
    assert Shadow(ledger, store, twin, 100).compare_next(seen.append)
    assert seen == []


def test_a_job_without_its_files_is_left_out_and_the_next_one_is_compared(ledger, store, run, twin):
    kept, erased = run(0), run(0)
    seen: list[Mapping[str, Agreement]] = []
    store.delete(f"jobs/{erased.id}/")
    shadow = Shadow(ledger, store, twin, 100)
    assert shadow.compare_next(seen.append)
    assert seen == []
    assert shadow.compare_next(seen.append)
    assert len(seen) == 1
    with ledger.write() as connection:
        erasure.erase_job(connection, "t", kept.id, "key")
        assert {row.job_id for row in connection.execute(shadow_runs.select())} == {erased.id}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("program", ["services.segmenter.shadow", "services.cli"])
def test_the_process_compares_at_the_lowest_priority_until_it_is_interrupted(
    ledger, run, settings, twin, tmp_path, program
):
    run(0)
    library.add(tmp_path / "twin", settings.models)
    names = {"LEDGER_URL": f"sqlite:///{tmp_path / 'ledger.db'}", "STORE_URL": f"file://{tmp_path / 'store'}"}
    names |= {"MODELS": str(settings.models), "THREADS": "1"}
    environment = os.environ | {f"VISCERA_{name}": value for name, value in names.items()}
    words = {
        "services.segmenter.shadow": ["twin"],
        "services.cli": ["models", "roll-out", "twin", "--share", "100", "--shadow", "--data", str(tmp_path)],
    }
    command = [sys.executable, "-P", "-m", program, *words[program]]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - tests in background ignore it
    ) as process:  # fmt: skip
        assert process.stdout is not None
        printed = [process.stdout.readline() for _ in range(2)]
        priority = os.getpriority(os.PRIO_PROCESS, process.pid)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert (process.returncode, priority) == (130, 19)
    assert printed[0] == "Comparing twin 1 with 100 % of the results.\n"
    assert printed[1].startswith("Dice: large_bowel 1.000 (+0.0 mL), small_bowel 1.000 (+0.0 mL)")
    assert set(means(statistics(ledger, twin.card.key), DICE)) == set(NAMES)
