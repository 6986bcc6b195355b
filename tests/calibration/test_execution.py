from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from theory_check.calibration import execution
from theory_check.calibration.binomial_counts import PROPORTION, QUANTILE
from theory_check.calibration.execution import (
    block_repetitions,
    count_rejections,
    draw_block,
    plan_units,
    run_trials,
    time_case,
)
from theory_check.calibration.known_laws import lognormal, uniform
from theory_check.calibration.trials import Profile, plan_trials
from theory_check.simulation.execution import silent

# 570 repetitions end in the middle of a block.
PROFILE = Profile("test", 570, 30, (0.3, 0.05))
SEED = 11


@pytest.fixture(scope="module")
def trials():
    return [trial for method in (PROPORTION, QUANTILE) for trial in plan_trials(method, PROFILE)]


@pytest.fixture(scope="module")
def counts(trials):
    return run_trials(trials, SEED, threads=1, report=silent)


def test_counts_are_those_of_a_plain_loop(trials, counts):
    assert any(0 < count < 570 for count in counts.values())
    for trial in trials[::5]:
        law, n = trial.sample
        size = block_repetitions(n)
        rows = np.concatenate([draw_block(law, n, SEED, block) for block in range(-(-trial.repetitions // size))])
        rejected = trial.case.reject(rows[: trial.repetitions], trial.hypothesis, trial.level)
        assert counts[trial.id] == rejected.sum()


def test_counts_do_not_depend_on_the_cuts(trials, counts, monkeypatch):
    for repetitions in (1, 10**6):
        monkeypatch.setattr(execution, "UNIT_REPETITIONS", repetitions)
        assert run_trials(trials, SEED, threads=1, report=silent) == counts


def test_counts_do_not_depend_on_processes_or_on_the_other_trials(trials, counts):
    assert run_trials(trials, SEED, threads=2, report=silent) == counts
    few = trials[3:5]
    assert run_trials(few, SEED, threads=1, report=silent) == {trial.id: counts[trial.id] for trial in few}


def test_more_repetitions_repeat_the_first_ones(trials):
    trial = trials[0]
    unit = plan_units([trial], SEED)[0]
    short = replace(trial, repetitions=100)
    rows = draw_block(*trial.sample, SEED, 0)
    expected = trial.case.reject(rows[:100], trial.hypothesis, trial.level).sum()
    assert count_rejections(replace(unit, trials=(short,))) == (expected,)


def test_seeds_laws_sizes_and_blocks_have_streams_of_their_own():
    law = lognormal(2.0)
    first = draw_block(law, 100, SEED, 0)
    assert first.shape == (block_repetitions(100), 100)
    np.testing.assert_array_equal(draw_block(law, 100, SEED, 0), first)
    others = [
        draw_block(law, 100, SEED, 1),
        draw_block(law, 100, SEED + 1, 0),
        draw_block(law, 99, SEED, 0),
        draw_block(lognormal(1.0), 100, SEED, 0),
    ]
    for other in others:
        assert not np.isin(first, other).any()


def test_a_block_fits_into_memory():
    assert block_repetitions(1) == execution.BLOCK_REPETITIONS
    assert block_repetitions(1000) * 1000 <= execution.BLOCK_VALUES
    assert block_repetitions(10**7) == 1


def test_laws_of_one_rounded_name_are_not_confused(trials):
    near, far = lognormal(1.0).shifted(1.0), lognormal(1.0).shifted(1.0 + 1e-9)
    assert near.name == far.name
    pair = [replace(trials[0], id=str(law.mean), case=replace(trials[0].case, law=law)) for law in (near, far)]
    assert len({unit.trials for unit in plan_units(pair, SEED)}) == 2


def test_samples_advance_together(trials):
    """Between two units of a group there is about as much of the others as there is on average, to one unit of each."""
    cases = [replace(t, id=f"{t.id} {n}", case=replace(t.case, observations=t.case.observations + n))
             for n, t in enumerate((trials[0], *trials))]  # fmt: skip
    many = [replace(t, repetitions=(n + 1) * 20 * execution.UNIT_REPETITIONS) for n, t in enumerate(cases)]
    units = plan_units(many, SEED)
    groups = {unit.trials: [place for place, one in enumerate(units) if one.trials == unit.trials] for unit in units}
    assert len(groups) > 2
    for places in groups.values():
        even = (np.arange(len(places)) + 0.5) * len(units) / len(places)
        assert np.abs(np.array(places) - even).max() <= len(units) / len(places) + len(groups)


def test_progress_ends_at_the_total(trials):
    told = []
    run_trials(trials, SEED, threads=1, report=lambda done, total: told.append((done, total)))
    total = sum(trial.repetitions for trial in trials)
    assert told[0] == (0, total)
    assert told[-1] == (total, total)
    assert told == sorted(told)


def test_an_error_in_a_process_reaches_the_caller(trials):
    broken = replace(trials[0], case=replace(trials[0].case, reject=uniform().draw))
    with pytest.raises(TypeError):
        run_trials([broken, *trials[1:3]], SEED, threads=2, report=silent)


def test_a_case_is_timed():
    assert 0.0 < time_case(replace(PROPORTION.timed, observations=1000), SEED) < 1.0


WORKING = """
import os, time
from theory_check.calibration.execution import _workers
if __name__ == "__main__":
    with _workers(1) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        time.sleep(60)
"""


def test_workers_end_with_a_process_that_is_killed(tmp_path):
    script = tmp_path / "working.py"
    script.write_text(WORKING)
    path = os.pathsep.join([str(Path(execution.__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    with subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}
    ) as process:
        assert int(process.stdout.readline()) != process.pid
        process.kill()
        # The worker holds the other end of the pipe: this would wait for it.
        process.communicate(timeout=30)


def test_there_are_no_more_processes_than_processors(trials, counts, monkeypatch):
    asked = []

    @contextmanager
    def workers(count):
        asked.append(count)
        with ThreadPoolExecutor(1) as pool:
            yield pool

    monkeypatch.setattr(execution, "_workers", workers)
    monkeypatch.setattr(execution, "available_threads", lambda: 3)
    assert run_trials(trials, SEED, threads=1000, report=silent) == counts
    assert asked == [3]
