"""``python -m theory_check``, and what the console script calls."""

import sys


def main() -> None:
    """Run the command line; an interrupt before it is loaded ends in one line too."""
    try:
        from theory_check.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("theory-check: interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
