"""``python -m theory_check``."""

from theory_check.cli import main

main()
