"""The old home of :class:`~theory_check.networks.path_laws.PathLaw`."""

from theory_check.networks.path_laws import PathLaw

__all__ = ["PathLaw"]
