"""Exit codes of the commands, beside 0."""

#: A claim, or a promise, is refuted, and nothing else.
REFUTED = 1
USAGE_ERROR = 2
INCONCLUSIVE = 3
#: As in ``sysexits.h``.
INTERNAL_ERROR = 70
INPUT_OUTPUT_ERROR = 74
#: As a shell reports SIGINT and SIGTERM.
INTERRUPTED = 130
TERMINATED = 143
