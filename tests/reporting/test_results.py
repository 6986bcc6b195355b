from __future__ import annotations

import json
import math
from dataclasses import replace
from importlib import resources

import jsonschema
import numpy as np
import pytest
from example_record import make_claim, make_finding, make_picture, make_record, text_of, with_other_circumstances
from hypothesis import given
from hypothesis import strategies as st

from theory_check.findings.run import Finding, RunRecord
from theory_check.foundation.errors import SpecificationError, StorageError
from theory_check.reporting.results import encode_results, load_results, results_schema


def strict_json(content: bytes) -> dict:
    def refuse(token):
        raise AssertionError(f"{token} is not JSON")

    return json.loads(content, parse_constant=refuse)


def with_finding(finding: Finding) -> RunRecord:
    record = make_record(only_supported=True)
    regime = replace(record.regimes[0], claims=(make_claim("E1", finding),))
    return replace(record, regimes=(regime,))


def test_published_schema_is_the_generated_one():
    published = resources.files("theory_check.reporting").joinpath("results.schema.json").read_bytes()
    expected = json.dumps(results_schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    assert published.decode() == expected, "write this text to results.schema.json"


def test_schema_is_valid_and_accepts_an_example(record):
    schema = results_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    example = strict_json(encode_results(record))
    jsonschema.validate(example, schema, jsonschema.Draft202012Validator)
    assert example["schema_version"] == 9
    assert example["verdict"] == "refuted"
    for change in ({"schema_version": 1}, {"verdict": "passed"}, {"family_level": 2}, {"run": {}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(example | change, schema, jsonschema.Draft202012Validator)


def test_circumstances_show_under_run_only(record):
    ours, other = (strict_json(encode_results(r)) for r in (record, with_other_circumstances(record)))
    assert ours.pop("run") != other.pop("run")
    assert ours == other
    assert encode_results(make_record()) == encode_results(record)


def test_round_trip(record, tmp_path):
    path = tmp_path / "results.json"
    path.write_bytes(encode_results(record))
    assert load_results(path) == record
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
    regime = replace(record.regimes[0], pictures=(text_of(make_picture(name)),))
    with pytest.raises(SpecificationError, match="does not fit"):
        encode_results(replace(record, regimes=(regime,)))


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"schema_version": 1}', b'{"schema_version": 10}', b"\xff", b'{"a": NaN}']
)
def test_bad_files_give_one_line(tmp_path, content):
    path = tmp_path / "results.json"
    path.write_bytes(content)
    with pytest.raises(StorageError) as caught:
        load_results(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("number", [60, pytest.param(500, marks=pytest.mark.slow)])
def test_no_bit_flip_is_read_as_other_results(record, tmp_path, number):
    path, generator = tmp_path / "results.json", np.random.default_rng(number)
    content, refused = encode_results(record), 0
    for _ in range(number):
        changed = bytearray(content)
        changed[generator.integers(len(content))] ^= 1 << generator.integers(8)
        path.write_bytes(changed)
        try:
            # A flip may turn one white space into another, or a digit that is rounded away.
            assert load_results(path) == record
        except StorageError:
            refused += 1
    assert refused > 0.9 * number


def test_another_layout_is_no_other_content(record, tmp_path):
    path = tmp_path / "results.json"
    path.write_text(json.dumps(json.loads(encode_results(record)), indent=3, sort_keys=True))
    assert load_results(path) == record
    path.write_text(path.read_text().replace('"quick"', '"standard"', 1))
    with pytest.raises(StorageError, match="is damaged"):
        load_results(path)


def test_missing_file(tmp_path):
    with pytest.raises(StorageError, match="cannot read"):
        load_results(tmp_path / "missing.json")


@pytest.mark.parametrize("version", [2, 3])
def test_results_of_earlier_versions_are_read(record, tmp_path, version):
    plain = json.loads(encode_results(record)) | {"schema_version": version}
    for regime in plain["regimes"]:
        for picture in regime["pictures"]:
            del picture["alt"]
        for claim in regime["claims"]:
            for variant in (v for point in claim["findings"] for v in point["variants"]):
                del variant["distance"]
            if version == 2:
                del claim["corrections"]
    if version == 2:
        del plain["claims_file"]
    path = tmp_path / "results.json"
    path.write_text(json.dumps(plain))
    found = load_results(path)
    assert [f.id for c in found.claims for f in c.findings] == [f.id for c in record.claims for f in c.findings]
    assert found.verdict == record.verdict
    assert found.run == record.run
    assert {v.distance for c in found.claims for f in c.findings for v in f.variants} == {None}
