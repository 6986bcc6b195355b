"""The README as package indexes show it: links and pictures lead to the repository, at the tag of the version.

Hatchling runs this when it builds the package. The public home stands in ``pyproject.toml`` alone, as ``Repository``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

#: A target that is a file of the repository, with what stands before it: `!` for a picture.
_TARGET = re.compile(r"(!?)(\[[^\]]*\])\((?!https?:|#)([^)]+)\)")


def absolute_links(markdown: str, home: str, tag: str) -> str:
    """Return text whose links between files lead to the repository.

    Parameters
    ----------
    markdown : str
    home : str
        Address of the repository.
    tag : str
        Of the version.

    Returns
    -------
    str
    """
    return _TARGET.sub(
        lambda found: f"{found[1]}{found[2]}({home}/{'raw' if found[1] else 'blob'}/{tag}/{found[3]})", markdown
    )


def get_metadata_hook() -> type[Any]:
    """Return what Hatchling calls."""
    from hatchling.metadata.plugin.interface import MetadataHookInterface

    class PackagePage(MetadataHookInterface):
        def update(self, metadata: dict[str, Any]) -> None:
            text = Path(self.root, "README.md").read_text(encoding="utf-8")
            version = re.search(r'__version__ = "(.+)"', Path(self.root, "theory_check/__init__.py").read_text())[1]
            page = absolute_links(text, metadata["urls"]["Repository"], f"v{version}")
            metadata["readme"] = {"content-type": "text/markdown", "text": page}

    return PackagePage
