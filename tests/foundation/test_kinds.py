from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.kinds import check_fields, check_kind, check_pairs, check_sequence


@dataclass
class Specification:
    width: int = 3
    is_deep: bool = True


def test_a_wrong_kind_is_named_and_shortened():
    check_kind("law", "normal", (str, bytes), "a name")
    with pytest.raises(SpecificationError, match=r"law is .*; it must be a name") as caught:
        check_kind("law", list(range(10**4)), str, "a name")
    assert len(str(caught.value)) < 100


@pytest.mark.parametrize("values", ["text", b"text", None, 3.0, np.array(1.0), object()])
def test_what_has_no_parts_is_no_sequence(values):
    with pytest.raises(SpecificationError, match="it must be a sequence"):
        check_sequence("lags", values)
    with pytest.raises(SpecificationError, match="it must be a sequence"):
        check_pairs("parameters", values)


def test_sequences_are_tuples_of_their_parts():
    assert check_sequence("lags", np.array([1, 2])) == check_sequence("lags", (n for n in (1, 2))) == (1, 2)
    assert check_pairs("parameters", [("a", 1.0), ("b", 2.0)]) == {"a": 1.0, "b": 2.0}


@pytest.mark.parametrize("pairs", [[1], [("a",)], [(1, 2.0)], ["ab"], {"ab": 1.0}])
def test_pairs_are_a_name_and_a_value(pairs):
    with pytest.raises(SpecificationError, match="a sequence of pairs"):
        check_pairs("parameters", pairs)


def test_fields_are_named():
    check_fields(Specification(), width=int, is_deep=bool)
    with pytest.raises(SpecificationError, match="width is 'x'; it must be an int"):
        check_fields(Specification(width="x"), width=int)
    with pytest.raises(SpecificationError, match="is deep is 1; it must be True or False"):
        check_fields(Specification(is_deep=1), width=int, is_deep=bool)
