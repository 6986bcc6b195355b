from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import replace
from importlib import resources

import jsonschema
import numpy as np
import pytest
from example_record import make_claim, make_finding, make_picture, make_record, with_other_circumstances
from hypothesis import given
from hypothesis import strategies as st

from theory_check.findings.run import Finding, RunRecord, VariantFinding
from theory_check.foundation.errors import SpecificationError, StorageError
from theory_check.reporting import results
from theory_check.reporting.results import encode_results, encode_schema, load_results, results_schema


def strict_json(content: bytes) -> dict:
    def refuse(token):
        raise AssertionError(f"{token} is not JSON")

    return json.loads(content, parse_constant=refuse)


def without_panels(record: RunRecord) -> RunRecord:
    regimes = tuple(replace(r, pictures=tuple(replace(p, panels=()) for p in r.pictures)) for r in record.regimes)
    return replace(record, regimes=regimes)


def with_finding(finding: Finding) -> RunRecord:
    record = make_record(only_supported=True)
    regime = replace(record.regimes[0], claims=(make_claim("E1", finding),))
    return without_panels(replace(record, regimes=(regime,)))


def test_published_schema_is_the_generated_one():
    published = resources.files("theory_check.reporting").joinpath("results.schema.json").read_bytes()
    assert published == encode_schema(), "write encode_schema() to results.schema.json"


def test_schema_is_valid_and_accepts_an_example(record):
    schema = results_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    example = strict_json(encode_results(record))
    jsonschema.validate(example, schema, jsonschema.Draft202012Validator)
    assert example["schema_version"] == 3
    assert example["verdict"] == "refuted"
    for change in ({"schema_version": 1}, {"verdict": "passed"}, {"family_level": 2}, {"run": {}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(example | change, schema, jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    ("wire", "known"),
    [(results.PointResult, Finding), (results.VariantResult, VariantFinding)],
    ids=["point", "variant"],
)
def test_no_field_of_a_finding_is_forgotten(wire, known):
    # Seconds differ between runs with identical samples and stand under "run".
    assert set(wire.__struct_fields__) == {f.name for f in dataclasses.fields(known)} - {"seconds"}


def test_circumstances_show_under_run_only(record):
    ours, other = (strict_json(encode_results(r)) for r in (record, with_other_circumstances(record)))
    assert ours.pop("run") != other.pop("run")
    assert ours == other
    assert encode_results(make_record()) == encode_results(record)


def test_round_trip(record, tmp_path):
    path = tmp_path / "results.json"
    path.write_bytes(encode_results(record))
    assert load_results(path) == without_panels(record)
    assert encode_results(load_results(path)) == path.read_bytes()


ends = st.floats(allow_nan=False)


@given(
    ends,
    ends.filter(lambda x: x < math.inf),
    ends.filter(lambda x: x > -math.inf),
    st.floats(0, 1),
    ends.filter(lambda x: x < math.inf),
)
def test_numbers_survive_the_round_trip(tmp_path_factory, estimate, lower, upper, level, log_evidence):
    finding = replace(make_finding(), lower=lower, upper=upper, level=level, log_evidence=log_evidence)
    finding = replace(finding, estimate=estimate if math.isfinite(estimate) else 0.0)
    path = tmp_path_factory.mktemp("round") / "results.json"
    path.write_bytes(encode_results(with_finding(finding)))
    assert load_results(path) == with_finding(finding)


def test_numbers_that_are_not_finite_are_null():
    finding = replace(make_finding(), estimate=math.nan, lower=-math.inf, upper=math.inf, resolution=math.inf)
    finding = replace(finding, log_evidence=-math.inf)
    point = strict_json(encode_results(with_finding(finding)))["regimes"][0]["claims"][0]["findings"][0]
    assert [point[name] for name in ("estimate", "lower", "upper", "resolution", "log_evidence")] == [None] * 5


def test_scalars_of_numpy_are_numbers():
    finding = make_finding()
    boxed = replace(finding, estimate=np.float64(finding.estimate), exact=np.True_, replicates=np.int64(10_000))
    assert encode_results(with_finding(boxed)) == encode_results(with_finding(finding))


@pytest.mark.parametrize("name", ["../outside", "Upper", "", "a b", "a--b"])
def test_names_of_pictures_are_safe(name):
    record = make_record(only_supported=True)
    regime = replace(record.regimes[0], pictures=(make_picture(name),))
    with pytest.raises(SpecificationError, match="does not fit"):
        encode_results(replace(record, regimes=(regime,)))


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"schema_version": 1}', b'{"schema_version": 9}', b"\xff", b'{"a": NaN}']
)
def test_bad_files_give_one_line(tmp_path, content):
    path = tmp_path / "results.json"
    path.write_bytes(content)
    with pytest.raises(StorageError) as caught:
        load_results(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file(tmp_path):
    with pytest.raises(StorageError, match="cannot read"):
        load_results(tmp_path / "missing.json")
