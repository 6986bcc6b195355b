"""Data sets by their names: where the examples of a training come from."""

from __future__ import annotations

import contextlib
import lzma
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

import numpy as np

from theory_check.data.cifar import read_cifar_folder
from theory_check.data.idx import read_idx_folder
from theory_check.data.labelled_images import LabelledImages
from theory_check.foundation.arguments import check_choice
from theory_check.foundation.errors import SpecificationError


@cache
def _digits() -> LabelledImages:
    content = lzma.decompress(files("theory_check.data").joinpath("digits.xz").read_bytes())
    rows = np.frombuffer(content, np.uint8).reshape(-1, 65)
    inputs = np.ascontiguousarray(rows[:, :64])
    return LabelledImages(inputs, rows[:, 64].astype(np.int64), inputs[:0], np.empty(0, np.int64), 16)


#: Data sets read from files of the user, by the name that they are asked for.
READERS: Mapping[str, Callable[[Path], LabelledImages]] = MappingProxyType(
    {
        "mnist": read_idx_folder,
        "fashion-mnist": read_idx_folder,
        "idx": read_idx_folder,
        "cifar-10": read_cifar_folder,
    }
)


@lru_cache(maxsize=2)
def _read(name: str, folder: str) -> LabelledImages:
    return READERS[name](Path(folder))


@dataclass(frozen=True)
class DataSet:
    """A data set by its name.

    Attributes
    ----------
    name : str
        ``digits``, which comes with the package, or ``mnist``, ``fashion-mnist``, ``cifar-10``, or ``idx``, any other
        images in the format of MNIST.
    folder : str, optional
        Where the files of the others are.
    """

    name: str = "digits"
    folder: str | None = None

    def __post_init__(self) -> None:
        check_choice("data set", self.name, ("digits", *READERS))
        if self.name == "digits" and self.folder is not None:
            raise SpecificationError(
                f"the digits come with the package and take no folder; read from a folder: {', '.join(READERS)}"
            )
        if self.name != "digits" and self.folder is None:
            raise SpecificationError(f"data set {self.name} is read from files; give their folder")

    @classmethod
    def parse(cls, text: str) -> DataSet:
        """Read ``digits``, or a folder: which data set it holds is told by the names of its files.

        Files of MNIST, of Fashion-MNIST and of others in their format have the same names: the path of the folder
        tells them apart.

        Raises
        ------
        SpecificationError
            If the folder holds files of none.
        """
        if text == "digits":
            return cls()
        folder = Path(text)
        # What cannot be the name of a folder holds none of them either.
        with contextlib.suppress(OSError, ValueError):
            if (folder / "data_batch_1").is_file() or (folder / "cifar-10-batches-py").is_dir():
                return cls("cifar-10", text)
            if any(folder.glob("train-images*idx3-ubyte*")):
                path = str(folder.resolve()).lower()
                return cls("fashion-mnist" if "fashion" in path else "mnist" if "mnist" in path else "idx", text)
        raise SpecificationError(
            f"{text} is neither digits nor a folder with files like those of MNIST (IDX) or of the Python version of "
            "CIFAR-10"
        )

    @property
    def examples(self) -> LabelledImages:
        """Its examples; raises as :func:`~theory_check.data.idx.read_idx_folder` and the like."""
        return _digits() if self.folder is None else _read(self.name, self.folder)

    def __str__(self) -> str:
        return self.name
