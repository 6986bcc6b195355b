"""CIFAR-10 in its Python version: batches pickled by Python 2, read without running what a pickle may ask for.

A pickle is a program that calls what it names. The one here may name the three constructors of NumPy's arrays, and gets
substitutes for them that remember the numbers and do nothing; anything else ends the reading.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory_check.data.labelled_images import CLASSES, LabelledImages
from theory_check.foundation.errors import SpecificationError, StorageError
from theory_check.foundation.files import storage_error

#: Red, green and blue planes of 32 x 32 pixels.
PIXELS = 3 * 32 * 32

_TRAINING = tuple(f"data_batch_{number}" for number in range(1, 6))
_TEST = "test_batch"

#: Most bytes of a batch: three times those of the real ones.
_MOST = 10**8


class _Type:
    """Stands for ``numpy.dtype``: remembers its name."""

    def __init__(self, name: object = None, *_flags: object) -> None:
        self.name = name.decode("ascii", "replace") if isinstance(name, bytes) else name

    def __setstate__(self, _state: object) -> None:
        """Ignore byte order and the like, which bytes do not have."""


class _Array:
    """Stands for an array of NumPy: remembers its shape, its type and its bytes."""

    def __init__(self, *_arguments: object) -> None:
        self.state: object = None

    def __setstate__(self, state: object) -> None:
        self.state = state

    def images(self) -> NDArray[np.uint8]:
        """Return the images, one a row; raise :exc:`ValueError` if these are none."""
        match self.state:
            case (_, (int() as count, int() as pixels), _Type(name="u1"), False | 0, bytes() as content):
                if pixels == PIXELS and len(content) == count * pixels:
                    return np.frombuffer(content, np.uint8).reshape(count, pixels)
        raise ValueError(f"its data is not an array of rows of {PIXELS:,} bytes")


#: All that a batch may name. Each is called by the pickle with arguments of its choice.
_SUBSTITUTES: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Return the substitute for a name."""
        if (module, name) not in _SUBSTITUTES:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which no batch of images needs")
        return _SUBSTITUTES[module, name]


def read_cifar_folder(folder: Path) -> LabelledImages:
    """Read ``data_batch_1`` to ``data_batch_5`` and ``test_batch``, in a folder or in ``cifar-10-batches-py`` there.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    LabelledImages

    Raises
    ------
    SpecificationError
        If a file is no such batch.
    StorageError
        If a file is missing or cannot be read.
    """
    inside = folder / "cifar-10-batches-py"
    home = inside if inside.is_dir() else folder
    for name in (*_TRAINING, _TEST):
        if not (home / name).is_file():
            raise StorageError(f"{home} has no file {name} of the Python version of CIFAR-10")
    batches = [read_batch(home / name) for name in _TRAINING]
    images, labels = (np.concatenate(part) for part in zip(*batches, strict=True))
    return LabelledImages(images, labels, *read_batch(home / _TEST), 255)


def read_batch(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Read one batch.

    Parameters
    ----------
    path : Path

    Returns
    -------
    images : uint8 array (examples, 3072)
    labels : int64 array (examples,)

    Raises
    ------
    SpecificationError
        If the file is no such batch, is cut short, or names anything but an array.
    StorageError
        If it cannot be read.
    """
    try:
        if path.stat().st_size > _MOST:
            raise SpecificationError(f"{path} has more than {_MOST:,} bytes; it is no batch of CIFAR-10")
        with path.open("rb") as file:
            content = _Unpickler(file, encoding="bytes").load()
    except OSError as error:
        raise storage_error("read", path, error) from error
    except SpecificationError:
        raise
    except Exception as error:  # a pickle can fail in many ways
        reason = " ".join(str(error).split()) or type(error).__name__
        raise SpecificationError(f"{path} is no batch of CIFAR-10: {reason}") from error
    try:
        images, labels = content[b"data"].images(), content[b"labels"]
    except (KeyError, TypeError, AttributeError, IndexError):
        raise SpecificationError(f"{path} is no batch of CIFAR-10: it has no data and labels") from None
    except ValueError as error:
        raise SpecificationError(f"{path} is no batch of CIFAR-10: {error}") from None
    if not isinstance(labels, list) or not all(type(label) is int and 0 <= label < CLASSES for label in labels):
        raise SpecificationError(f"{path} is no batch of CIFAR-10: its labels are not numbers from 0 to {CLASSES - 1}")
    if len(labels) != len(images) or not labels:
        raise SpecificationError(f"{path} has {len(labels)} labels for {len(images)} images")
    return images, np.array(labels, np.int64)
