"""Exit codes of the commands, beside 0."""

REFUTED = 1
USAGE_ERROR = 2
INCONCLUSIVE = 3
INTERRUPTED = 130
