"""Statements cite by key, and every key is in the bibliography."""

from __future__ import annotations

from dataclasses import replace

from theory_check.catalogue.references import bibliography, cited_keys, origin
from theory_check.catalogue.regimes import all_claims


def test_every_key_is_known_and_every_work_is_cited():
    cited = set().union(*(cited_keys(claim.source) for claim in all_claims()))
    assert cited == set(bibliography())


def test_what_a_claim_sharpens_is_a_claim():
    ids = {claim.id for claim in all_claims()}
    assert {name for claim in all_claims() for name in claim.sharpens} <= ids


def test_origins_are_written_out():
    claims = {claim.id: claim for claim in all_claims()}
    assert origin(claims["P1"]).startswith("Marion, Fermanian, Biau, Vert, *Scaling ResNets")
    assert origin(claims["E6"]) == "Derived; sharpens P1"
    assert origin(replace(claims["E6"], source="mail me@home", sharpens=())) == "mail me@home"
    assert not any("@" in origin(claim) for claim in claims.values())
