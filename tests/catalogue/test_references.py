"""Statements cite by key, and every key is in the bibliography."""

from __future__ import annotations

from dataclasses import replace

from theory_check.catalogue.references import bibliography, cited_keys, origin
from theory_check.catalogue.regimes import all_claims


def test_every_key_is_known_and_every_work_is_cited():
    texts = [text for claim in all_claims() for text in (claim.source, *(c.source for c in claim.corrections))]
    cited = set().union(*map(cited_keys, texts))
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


def test_corrections_name_a_work_and_the_place_of_the_sentence_in_it():
    corrected = [(claim, correction) for claim in all_claims() for correction in claim.corrections]
    assert corrected
    for _, correction in corrected:
        work, _, place = correction.source.partition(", ")
        assert cited_keys(work) == {work.removeprefix("@")}
        assert place
        # The sentence itself, not a paraphrase.
        assert correction.stated.startswith("“")
