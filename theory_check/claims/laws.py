"""The laws of :mod:`theory_check.foundation.laws`, under the name that the catalogue imports them by."""

from theory_check.foundation.laws import LARGEST_TILT as LARGEST_TILT
from theory_check.foundation.laws import LogNormal as LogNormal
from theory_check.foundation.laws import Mirrored as Mirrored
from theory_check.foundation.laws import Normal as Normal
from theory_check.foundation.laws import ScaledChiSquare as ScaledChiSquare
from theory_check.foundation.laws import Shifted as Shifted
from theory_check.foundation.laws import Tilted as Tilted
from theory_check.foundation.laws import law_distance as law_distance
