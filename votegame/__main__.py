"""`python -m votegame`, and the command `votegame`."""

import sys

from votegame import signals


def main() -> int:
    """Run the command line; returns the exit code."""
    with signals.at_once():
        # It takes half a second, in which Ctrl-C would have a traceback to tell of.
        from votegame.cli import main as run  # noqa: PLC0415
    return run()


if __name__ == "__main__":
    sys.exit(main())
