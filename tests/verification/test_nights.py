"""What a night adds to a history, and what is noted about it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

import numpy as np
import pytest

from theory_check.claims import identity
from theory_check.claims.claim import PROFILES
from theory_check.claims.identity import claim_version
from theory_check.claims.planning import FAMILY_LEVEL, PLACES, plan_claim
from theory_check.foundation.errors import SpecificationError
from theory_check.inference.evidence import log_average
from theory_check.inference.multiplicity import restart_level
from theory_check.inference.nights import processes
from theory_check.kernels import KERNEL_VERSION
from theory_check.verification.nights import add_night, new_history, night_identity, record_night, versions_of
from theory_check.verification.plan import find_claim
from theory_check.verification.run import examine

QUICK = PROFILES["quick"]


@pytest.fixture(scope="module")
def outcomes():
    return [examine(["E3", "P4"], seed=seed) for seed in (11, 12)]


@pytest.fixture(scope="module")
def two_nights(outcomes):
    return add_night(add_night(new_history("quick"), outcomes[0]), outcomes[1])


def test_the_level_is_one_place_of_the_family():
    assert new_history("quick").level * PLACES == pytest.approx(FAMILY_LEVEL, rel=1e-15)


def test_a_night_keeps_the_mean_evidence_of_each_claim(outcomes, two_nights):
    assert [night.seed for night in two_nights.nights] == [11, 12]
    for night, outcome in zip(two_nights.nights, outcomes, strict=True):
        assert set(night.claims) == {"P4", "E3"}
        for claim in outcome.record.claims:
            expected = log_average([finding.log_evidence for finding in claim.findings])
            assert night.claims[claim.id].log_evidence == expected


def test_sequences_cover_every_point_and_narrow(two_nights):
    planned = {p.id: p for claim in ("P4", "E3") for p in plan_claim(find_claim(claim), QUICK)}
    assert set(two_nights.sequences) == set(planned)
    for point, sequence in two_nights.sequences.items():
        assert sequence.level == restart_level(planned[point].level, 1)
        assert sequence.nights == 2
        assert sequence.now.width < sequence.limits[0].width
        assert sequence.supports
    # The levels of all sequences of all versions together stay within the family's.
    assert sum(s.level for s in two_nights.sequences.values()) <= 2 * FAMILY_LEVEL / PLACES


def test_claims_that_a_night_leaves_out_stay_as_they_were(two_nights):
    alone = add_night(two_nights, examine(["E3"], seed=13))
    before, after = processes(two_nights), processes(alone)
    assert after["P4"] == before["P4"]
    assert after["E3"].nights == 3
    for point, sequence in two_nights.sequences.items():
        assert (alone.sequences[point] == sequence) == point.startswith("P4/")


def test_a_seed_is_not_added_twice(outcomes, two_nights):
    with pytest.raises(SpecificationError, match="seed 12 is in the history already, as night 2"):
        add_night(two_nights, outcomes[1])


def test_a_new_version_starts_anew_with_less_level(outcomes, monkeypatch):
    first = add_night(new_history("quick"), outcomes[0])
    monkeypatch.setattr(identity, "KERNEL_VERSION", "another")
    second = add_night(first, outcomes[1])
    assert all((p.versions, p.nights) == (2, 1) for p in processes(second).values())
    for point, sequence in second.sequences.items():
        assert sequence.nights == 1
        assert sequence.version != first.sequences[point].version
        # 6/pi^2 (1/4) after 6/pi^2.
        assert sequence.level == pytest.approx(first.sequences[point].level / 4.0, rel=1e-14)


def test_a_point_that_is_no_longer_checked_is_dropped(outcomes):
    first = add_night(new_history("quick"), outcomes[0])
    old = replace(first, sequences={**first.sequences, "E3/gone": next(iter(first.sequences.values()))})
    assert "E3/gone" not in add_night(old, outcomes[1]).sequences


def test_versions_differ_between_claims_and_profiles():
    claims = [find_claim(name) for name in ("E6", "P1", "P4")]
    versions = {claim_version(plan_claim(claim, profile)) for claim in claims for profile in PROFILES.values()}
    assert len(versions) == 3 * len(claims)


def test_numbers_of_sequences_are_finite(two_nights):
    for sequence in two_nights.sequences.values():
        assert np.isfinite(sequence.below).all()
        assert np.isfinite(sequence.above).all()


def test_a_night_is_told_by_seed_profile_claims_and_versions(outcomes):
    versions = versions_of(outcomes[0].plan)
    assert set(versions) == {"E3", "P4"}
    identity = night_identity("quick", 11, versions)
    assert identity == night_identity("quick", 11, dict(reversed(versions.items())))
    others = [
        night_identity("standard", 11, versions),
        night_identity("quick", 12, versions),
        night_identity("quick", 11, {"E3": versions["E3"]}),
        night_identity("quick", 11, versions | {"E3": "another"}),
    ]
    assert len({identity, *others}) == 5


def test_the_record_of_a_night_says_what_made_it(outcomes, tmp_path):
    claims = tmp_path / "own.py"
    claims.write_text("x = 1")
    outcome = replace(outcomes[0], record=replace(outcomes[0].record, claims_file=str(claims)))
    record = record_night(outcome)
    assert record.identity == night_identity("quick", 11, versions_of(outcome.plan))
    assert record.selection == ("E3", "P4")
    assert set(record.versions) >= {"python", "theory-check", "numpy", "numba", "scipy"}
    assert record.kernel_version == KERNEL_VERSION
    assert record.machine
    assert record.replicates == {f.id: f.replicates for c in outcome.record.claims for f in c.findings}
    assert record.claims_file == hashlib.sha256(b"x = 1").hexdigest()
    assert re.fullmatch("([0-9a-f]{40}(-dirty)?)?", record.commit)
    assert record_night(outcomes[0]).claims_file == ""
