"""Files in the IDX format of MNIST and Fashion-MNIST, plain or compressed by gzip.

A file starts with two zero bytes, the type of its numbers (8: unsigned bytes), the number of dimensions, and the
length of each dimension in four bytes, the highest first; the numbers follow (http://yann.lecun.com/exdb/mnist).
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from theory_check.data.labelled_images import CLASSES, LabelledImages
from theory_check.foundation.errors import SpecificationError, StorageError
from theory_check.foundation.files import storage_error

#: What a file of so many dimensions holds.
_CONTENTS = {1: "labels", 3: "images"}

#: Most bytes that a file may have, unfolded: more than eight times those of MNIST.
_MOST = 2**29


def read_idx_folder(folder: Path) -> LabelledImages:
    """Read the four files of MNIST or Fashion-MNIST: ``train-images-idx3-ubyte`` and so on, plain or with ``.gz``.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    LabelledImages
        Plain images are mapped into memory, not read.

    Raises
    ------
    SpecificationError
        If a file is not what its name says, or does not fit the others.
    StorageError
        If a file is missing or cannot be read.
    """
    parts = {}
    for name in ("train", "t10k"):
        pictures, answers = _find(folder, f"{name}-images", 3), _find(folder, f"{name}-labels", 1)
        images, labels = read_idx(pictures, 3), read_idx(answers, 1)
        if not len(labels) or len(images) != len(labels):
            raise SpecificationError(
                f"{answers} has {len(labels)} labels for the {len(images)} images of {pictures.name}; "
                "give files that belong together"
            )
        if labels.max() >= CLASSES:
            raise SpecificationError(f"{answers} has the label {labels.max()}; labels are 0 to {CLASSES - 1}")
        parts[pictures] = images.reshape(len(images), -1), labels.astype(np.int64)
    (first, second), ((seen, seen_labels), (tests, test_labels)) = parts, parts.values()
    if seen.shape[1] != tests.shape[1]:
        raise SpecificationError(
            f"{second} has images of {tests.shape[1]} pixels and {first.name} of {seen.shape[1]}; "
            "give files that belong together"
        )
    return LabelledImages(seen, seen_labels, tests, test_labels, 255)


def _find(folder: Path, stem: str, dimensions: int) -> Path:
    # The files are spread with a dot in their names too.
    names = [f"{stem}{mark}idx{dimensions}-ubyte{ending}" for ending in ("", ".gz") for mark in "-."]
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise StorageError(f"{folder} has no file {names[0]} or {names[2]}")


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Read one file of unsigned bytes.

    Parameters
    ----------
    path : Path
        Compressed if its name ends in ``.gz``.
    dimensions : int
        Which it must have: 1 for labels, 3 for images.

    Returns
    -------
    uint8 array
        A file that is not compressed is mapped into memory.

    Raises
    ------
    SpecificationError
        If the file is of another format, holds something else, or is cut short or too long.
    StorageError
        If it cannot be read.
    """
    try:
        compressed = path.suffix == ".gz"
        if compressed:
            with gzip.open(path) as file:
                content = np.frombuffer(file.read(_MOST), np.uint8)
        elif path.stat().st_size:
            content = np.asarray(np.memmap(path, np.uint8, "r"))
        else:
            content = np.empty(0, np.uint8)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise SpecificationError(f"{path} is damaged or no gzip file: {error}") from error
    except OSError as error:
        raise storage_error("read", path, error) from error
    wanted = _CONTENTS[dimensions]
    magic = bytes(content[:4])
    if len(magic) < 4 or magic[:3] != b"\0\0\x08":
        raise SpecificationError(f"{path} is no IDX file of bytes; it must hold {wanted}")
    if magic[3] != dimensions:
        found = _CONTENTS.get(magic[3], f"an array of {magic[3]} dimensions")
        raise SpecificationError(f"{path} holds {found}; it must hold {wanted}")
    start = 4 + 4 * dimensions
    header = content[4:start].tobytes().ljust(4 * dimensions, b"\0")
    shape = tuple(int(length) for length in np.frombuffer(header, ">u4"))
    size = math.prod(shape)
    if len(content) != start + size:
        raise SpecificationError(
            f"{path} has {len(content):,} bytes; its header says {' x '.join(map(str, shape))}, {start + size:,} bytes"
        )
    return content[start:].reshape(shape)
