from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import jsonschema
import numpy as np
import pytest

from theory_check.foundation.errors import SpecificationError, StorageError
from theory_check.foundation.records import (
    Count,
    Estimate,
    LowerEnd,
    Probability,
    UpperEnd,
    encode_record,
    load_record,
    record_schema,
)


class Range(NamedTuple):
    night: Count
    lower: LowerEnd
    upper: UpperEnd


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part.

    Attributes
    ----------
    ends : (float, float)
    """

    ends: tuple[LowerEnd, UpperEnd]
    ranges: tuple[Range, ...] = ()
    seconds: float | None = None


@dataclass(frozen=True)
class Record:
    level: Probability
    estimate: Estimate
    parts: dict[str, Part]
    count: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "count", len(self.parts))


OPEN = Part(ends=(-math.inf, math.inf), ranges=(Range(1, -math.inf, 2.0), Range(2, 1.0, math.inf)))
RECORD = Record(0.5, 1.5, {"a": OPEN, "b": Part(ends=(0.0, 1.0), seconds=2.0)})


def stored(tmp_path, content: bytes):
    path = tmp_path / "record.json"
    path.write_bytes(content)
    return path


def test_a_record_is_read_back_as_it_was(tmp_path):
    content = encode_record(RECORD, 1, "record")
    assert content.count(b"\n") == 1
    assert encode_record(replace(RECORD, parts=dict(reversed(RECORD.parts.items()))), 1, "record") == content
    assert load_record(stored(tmp_path, content), Record, (1,), "a record") == RECORD


def test_a_number_that_is_not_finite_is_null_and_comes_back_by_its_type(tmp_path):
    content = encode_record(replace(RECORD, estimate=math.nan), 1, "record")
    plain = json.loads(content)
    assert plain["estimate"] is None
    assert plain["parts"]["a"] == {"ends": [None, None], "ranges": [[1, None, 2.0], [2, 1.0, None]], "seconds": None}
    found = load_record(stored(tmp_path, content), Record, (1,), "a record")
    assert math.isnan(found.estimate)
    assert found.parts == RECORD.parts


def test_scalars_of_numpy_are_numbers():
    boxed = Record(np.float64(0.5), np.float32(1.5), {"a": OPEN, "b": Part(ends=(np.int64(0), 1.0), seconds=2.0)})
    assert json.loads(encode_record(boxed, 1, "record")) == json.loads(encode_record(RECORD, 1, "record"))


def test_what_follows_from_other_fields_is_written_and_computed_again(tmp_path):
    plain = json.loads(encode_record(RECORD, 1, "record"))
    assert plain["count"] == 2
    content = json.dumps(plain | {"count": 7}).encode()
    assert load_record(stored(tmp_path, content), Record, (1,), "a record") == RECORD


def test_values_outside_their_constraints_are_not_written():
    with pytest.raises(SpecificationError, match=r"the record does not fit its schema: .*<= 1.0.*\$.level"):
        encode_record(replace(RECORD, level=2.0), 1, "record")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": 3}, "schema version 3, accepted is 1 or 2"),
        ({"level": 2.0}, r"not a record of theory-check: Expected `float` <= 1.0 - at `\$.level`"),
        ({"level": None}, "not a record of theory-check: Expected `float`, got `null`"),
        ({"parts": 1}, "not a record of theory-check: Expected `object`, got `int`"),
        ({"parts": {"a": {"ends": [0.0]}}}, "not a record of theory-check: Expected `array` of length 2"),
        ({"parts": {"a": {"ends": [0.0, 1.0], "ranges": [[1, 2]]}}}, "not a record of theory-check: Expected `array`"),
    ],
)
def test_other_files_give_one_line(tmp_path, change, message):
    path = stored(tmp_path, json.dumps(json.loads(encode_record(RECORD, 2, "record")) | change).encode())
    with pytest.raises(StorageError, match=f"^cannot read {path}: {message}") as caught:
        load_record(path, Record, (1, 2), "a record")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b'{"schema_version": NaN}'])
def test_what_is_no_record_gives_one_line(tmp_path, content):
    with pytest.raises(StorageError, match=r"^cannot read [^\n]*: not a record of theory-check: [^\n]*$"):
        load_record(stored(tmp_path, content), Record, (1,), "a record")
    with pytest.raises(StorageError, match="cannot read"):
        load_record(tmp_path / "missing.json", Record, (1,), "a record")


def test_the_schema_accepts_what_is_written_and_nothing_else():
    schema = record_schema(Record, 1, "Records")
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$defs"]["Part"]["description"] == "A part.\n\nAttributes\n----------\nends : (float, float)"
    plain = json.loads(encode_record(replace(RECORD, estimate=math.inf), 1, "record"))
    jsonschema.validate(plain, schema, jsonschema.Draft202012Validator)
    for change in ({"schema_version": 2}, {"level": None}, {"level": 2}, {"estimate": "1"}, {"count": None}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(plain | change, schema, jsonschema.Draft202012Validator)
