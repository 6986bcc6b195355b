"""The IDX loader on small files in the exact format, on broken ones, and on the real ones where they are installed."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from theory_check.data.data_set import DataSet
from theory_check.data.idx import read_idx, read_idx_folder
from theory_check.foundation.errors import SpecificationError, StorageError

INSTALLED = Path("/usr/share/datasets/fashion-mnist")

#: Names of the files, with images and labels of each part.
FILES = {
    "train-images-idx3-ubyte": ("train", 3),
    "train-labels-idx1-ubyte": ("train", 1),
    "t10k-images-idx3-ubyte": ("t10k", 3),
    "t10k-labels-idx1-ubyte": ("t10k", 1),
}


def encode(array):
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def arrays():
    rng = np.random.default_rng(1)
    counts = {"train": 12, "t10k": 5}
    return {
        name: rng.integers(0, 256, (counts[part], 4, 3), np.uint8)
        if dimensions == 3
        else rng.integers(0, 10, counts[part], np.uint8)
        for name, (part, dimensions) in FILES.items()
    }


def write(folder, arrays, compressed=False):
    for name, array in arrays.items():
        content = encode(array)
        path = folder / (f"{name}.gz" if compressed else name)
        path.write_bytes(gzip.compress(content) if compressed else content)


@pytest.mark.parametrize("compressed", [False, True])
def test_files_are_read_as_they_were_written(tmp_path, arrays, compressed):
    write(tmp_path, arrays, compressed)
    found = read_idx_folder(tmp_path)
    expected = list(arrays.values())
    np.testing.assert_array_equal(found.inputs, expected[0].reshape(12, 12))
    np.testing.assert_array_equal(found.labels, expected[1])
    np.testing.assert_array_equal(found.test_inputs, expected[2].reshape(5, 12))
    np.testing.assert_array_equal(found.test_labels, expected[3])
    assert (found.largest, found.labels.dtype, found.inputs.flags.writeable) == (255, np.int64, False)


def test_plain_images_are_mapped(tmp_path, arrays):
    write(tmp_path, arrays)
    base = read_idx(tmp_path / "train-images-idx3-ubyte", 3)
    while not isinstance(base, np.memmap):
        base = base.base
        assert base is not None


def test_names_with_a_dot_are_found(tmp_path, arrays):
    write(tmp_path, {name.replace("-idx", ".idx"): array for name, array in arrays.items()})
    assert len(read_idx_folder(tmp_path).labels) == 12


@pytest.mark.parametrize(("folder", "name"), [("MNIST", "mnist"), ("Fashion-MNIST", "fashion-mnist"), ("mine", "idx")])
def test_the_folder_tells_sets_of_one_format_apart(tmp_path, arrays, folder, name):
    (tmp_path / folder).mkdir()
    write(tmp_path / folder, arrays, compressed=True)
    assert DataSet.parse(str(tmp_path / folder)) == DataSet(name, str(tmp_path / folder))


def test_one_digest_for_plain_and_compressed_files_and_another_for_other_values(tmp_path, arrays):
    digests = []
    for number, compressed in enumerate((False, True, False)):
        folder = tmp_path / str(number)
        folder.mkdir()
        if number == 2:
            arrays["t10k-labels-idx1-ubyte"][0] ^= 1
        write(folder, arrays, compressed)
        digests.append(DataSet("mnist", str(folder)).examples.digest)
    assert digests[0] == digests[1] != digests[2]


def break_file(folder, name, content):
    (folder / name).write_bytes(content)


BROKEN = {
    "empty": (lambda a: b"", "is no IDX file of bytes; it must hold images"),
    "foreign": (lambda a: b"\x89PNG\r\n\x1a\n" + bytes(200), "is no IDX file of bytes; it must hold images"),
    "floats": (lambda a: struct.pack(">HBB3I", 0, 13, 3, 1, 1, 1) + bytes(4), "is no IDX file of bytes"),
    "swapped": (lambda a: encode(a["train-labels-idx1-ubyte"]), "holds labels; it must hold images"),
    "header only": (lambda a: encode(a["train-images-idx3-ubyte"])[:9], "has 9 bytes; its header says"),
    "cut short": (
        lambda a: encode(a["train-images-idx3-ubyte"])[:-1],
        r"has 159 bytes; its header says 12 x 4 x 3, 160 bytes",
    ),
    "too long": (lambda a: encode(a["train-images-idx3-ubyte"]) + b"\0", "has 161 bytes; its header says 12 x 4 x 3"),
    "fewer images": (lambda a: encode(a["train-images-idx3-ubyte"][:9]), "has 12 labels for the 9 images of train-im"),
    "other size": (lambda a: encode(a["train-images-idx3-ubyte"][:, :2]), "images of 12 pixels and train-im.* of 6"),
}


@pytest.mark.parametrize(("change", "message"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_gets_one_clear_line(tmp_path, arrays, change, message):
    write(tmp_path, arrays)
    break_file(tmp_path, "train-images-idx3-ubyte", change(arrays))
    with pytest.raises(SpecificationError, match=message) as caught:
        read_idx_folder(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_labels_beyond_nine(tmp_path, arrays):
    arrays["t10k-labels-idx1-ubyte"][2] = 10
    write(tmp_path, arrays)
    with pytest.raises(SpecificationError, match="t10k-labels-idx1-ubyte has the label 10; labels are 0 to 9"):
        read_idx_folder(tmp_path)


@pytest.mark.parametrize("damage", [lambda c: c[:-9], lambda c: c[:20] + b"\xff" * 9 + c[29:], lambda c: b"PK" + c])
def test_a_damaged_gzip_file(tmp_path, arrays, damage):
    write(tmp_path, arrays, compressed=True)
    path = tmp_path / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(SpecificationError, match=r"t10k-images-idx3-ubyte\.gz is damaged or no gzip file"):
        read_idx_folder(tmp_path)


def test_a_missing_file_and_a_missing_folder(tmp_path, arrays):
    write(tmp_path, arrays)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(StorageError, match=r"has no file t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte\.gz"):
        read_idx_folder(tmp_path)
    with pytest.raises(StorageError, match="has no file train-images-idx3-ubyte"):
        read_idx_folder(tmp_path / "nowhere")


@pytest.mark.skipif(not INSTALLED.is_dir(), reason="Debian's package dataset-fashion-mnist is not installed")
def test_the_real_files():
    found = DataSet("fashion-mnist", str(INSTALLED)).examples
    assert (found.inputs.shape, found.test_inputs.shape) == ((60_000, 784), (10_000, 784))
    np.testing.assert_array_equal(np.bincount(found.labels), np.full(10, 6000))
    np.testing.assert_array_equal(np.bincount(found.test_labels), np.full(10, 1000))
