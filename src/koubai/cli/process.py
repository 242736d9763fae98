"""The command as a process: Ctrl-C is in good hands before anything else is loaded."""

from __future__ import annotations

import sys

from koubai.cli.streams import INTERRUPTED, prepare


def main() -> int:
    """Run one command, as its words say, in this process."""
    try:
        prepare()
        from koubai.cli.main import main as run

        return run()
    except KeyboardInterrupt:  # before the command had begun
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
