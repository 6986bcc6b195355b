"""theory_check: theorems about very deep random residual networks as executable claims."""

from __future__ import annotations

__version__ = "0.1.0"
