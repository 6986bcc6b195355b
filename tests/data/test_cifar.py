"""The CIFAR-10 loader on small batches as Python 2 pickled them, and on files that want to run something."""

from __future__ import annotations

import os
import pickle
import struct

import numpy as np
import pytest

from theory_check.data.cifar import PIXELS, read_batch, read_cifar_folder
from theory_check.data.data_set import DataSet
from theory_check.foundation.errors import SpecificationError, StorageError

NAMES = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]


class Python2Pickler(pickle._Pickler):
    """Writes bytes as the strings of Python 2, which are what the real files hold, and names NumPy as it was then."""

    dispatch = pickle._Pickler.dispatch.copy()

    def save_bytes(self, content):
        short = len(content) < 256
        self.write(
            (pickle.SHORT_BINSTRING + bytes([len(content)]) if short else b"T" + struct.pack("<i", len(content)))
            + content
        )
        self.memoize(content)

    def save_global(self, obj, name=None):
        module = {"_reconstruct": "numpy.core.multiarray"}.get(obj.__name__, obj.__module__)
        self.write(pickle.GLOBAL + f"{module}\n{obj.__name__}\n".encode())
        self.memoize(obj)

    dispatch[bytes] = save_bytes
    dispatch[type] = save_global
    dispatch[type(os.getcwd)] = save_global
    dispatch[type(NAMES.append)] = save_global


def write(path, value):
    with path.open("wb") as file:
        Python2Pickler(file, protocol=2).dump(value)


def batch(seed, count=4):
    rng = np.random.default_rng(seed)
    return {
        b"batch_label": b"training batch 1 of 5",
        b"labels": rng.integers(0, 10, count).tolist(),
        b"data": rng.integers(0, 256, (count, PIXELS), np.uint8),
        b"filenames": [b"leptodactylus_pentadactylus_s_000004.png"] * count,
    }


@pytest.mark.parametrize("inside", ["", "cifar-10-batches-py"])
def test_batches_are_read_as_they_were_written(tmp_path, inside):
    folder = tmp_path / inside
    folder.mkdir(exist_ok=True)
    batches = [batch(seed) for seed in range(6)]
    for name, content in zip(NAMES, batches, strict=True):
        write(folder / name, content)
    # The format of the real files: protocol 2, strings without an encoding, constructors by their old names.
    text = (folder / NAMES[0]).read_bytes()
    assert text.startswith(b"\x80\x02}")
    assert b"cnumpy.core.multiarray\n_reconstruct\n" in text
    assert DataSet.parse(str(tmp_path)) == DataSet("cifar-10", str(tmp_path))
    found = read_cifar_folder(tmp_path)
    np.testing.assert_array_equal(found.inputs, np.concatenate([b[b"data"] for b in batches[:5]]))
    np.testing.assert_array_equal(found.labels, np.concatenate([b[b"labels"] for b in batches[:5]]))
    np.testing.assert_array_equal(found.test_inputs, batches[5][b"data"])
    np.testing.assert_array_equal(found.test_labels, batches[5][b"labels"])
    assert (found.largest, found.inputs.dtype, found.labels.dtype) == (255, np.uint8, np.int64)


class Runs:
    """Asks a pickle to run a command."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_pickle_that_runs_something_is_refused_and_runs_nothing(tmp_path):
    path, made = tmp_path / "data_batch_1", tmp_path / "made"
    write(path, {**batch(1), b"extra": Runs(made)})
    with pytest.raises(SpecificationError, match=r"no batch of CIFAR-10: it names posix\.mkdir, which no batch"):
        read_batch(path)
    assert not made.exists()
    with path.open("rb") as file:
        pickle.load(file, encoding="bytes")
    assert made.is_dir()  # what an ordinary reader does


WRONG = {
    "labels beyond nine": ({b"labels": [0, 1, 2, 10]}, "labels are not numbers from 0 to 9"),
    "labels that are no list": ({b"labels": b"0123"}, "labels are not numbers from 0 to 9"),
    "fewer labels": ({b"labels": [1, 2]}, "has 2 labels for 4 images"),
    "numbers of another type": ({b"data": np.zeros((4, PIXELS), np.float32)}, "not an array of rows of 3,072 bytes"),
    "images of another size": ({b"data": np.zeros((4, 784), np.uint8)}, "not an array of rows of 3,072 bytes"),
    "columns first": (
        {b"data": np.asfortranarray(np.zeros((4, PIXELS), np.uint8))},
        "not an array of rows of 3,072 bytes",
    ),
    "objects": ({b"data": np.array([b"a", None], object)}, "not an array of rows of 3,072 bytes"),
    "no array": ({b"data": [1, 2]}, "it has no data and labels"),
}


@pytest.mark.parametrize(("change", "message"), WRONG.values(), ids=WRONG)
def test_a_foreign_batch_gets_one_clear_line(tmp_path, change, message):
    path = tmp_path / "test_batch"
    write(path, {**batch(1), **change})
    with pytest.raises(SpecificationError, match=message) as caught:
        read_batch(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "Ran out of input"), (b"\x89PNG\r\n\x1a\n", "no batch of CIFAR-10"), (pickle.dumps([1]), "no data and lab")],
)
def test_files_that_are_no_batches(tmp_path, content, message):
    path = tmp_path / "test_batch"
    path.write_bytes(content)
    with pytest.raises(SpecificationError, match=message):
        read_batch(path)


def test_a_truncated_batch(tmp_path):
    path = tmp_path / "test_batch"
    write(path, batch(1))
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(SpecificationError, match="no batch of CIFAR-10: pickle data was truncated"):
        read_batch(path)


def test_a_missing_batch(tmp_path):
    write(tmp_path / "data_batch_1", batch(1))
    with pytest.raises(StorageError, match="has no file data_batch_2 of the Python version of CIFAR-10"):
        read_cifar_folder(tmp_path)
