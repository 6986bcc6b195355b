from __future__ import annotations

from importlib.resources import files

import numpy as np
import pytest

from theory_check.data.data_set import DataSet
from theory_check.foundation.errors import SpecificationError


def test_the_digits_are_those_of_the_source():
    found = DataSet().examples
    assert (found.inputs.shape, found.inputs.dtype, found.pixels) == ((1797, 64), np.uint8, 64)
    assert (found.inputs.min(), found.inputs.max(), len(found.test_inputs)) == (0, 16, 0)
    # Counts by class of the source, and its first image.
    assert np.bincount(found.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert found.inputs[0, :16].tolist() == [0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0]
    assert found.inputs.sum(dtype=np.int64) == 561_718


def test_the_digits_come_with_their_license():
    text = files("theory_check.data").joinpath("digits-license.txt").read_text()
    assert "CC BY 4.0" in text
    assert "Alpaydin" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mnits", "x"), "unknown data set 'mnits'; accepted: digits, mnist, fashion-mnist, idx, cifar-10"),
        (("digits", "x"), "the digits come with the package and take no folder"),
        (("mnist",), "data set mnist is read from files; give their folder"),
    ],
)  # fmt: skip
def test_wrong_data_sets(arguments, message):
    with pytest.raises(SpecificationError, match=message):
        DataSet(*arguments)


def test_a_folder_with_other_files_is_no_data_set(tmp_path):
    assert DataSet.parse("digits") == DataSet()
    (tmp_path / "notes.txt").touch()
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(SpecificationError, match="is neither digits nor a folder with files like those of MNIST"):
            DataSet.parse(str(folder))
