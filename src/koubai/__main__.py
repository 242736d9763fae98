"""`python -m koubai`: the command, where it is not on the path, and for launchers that start modules."""

import sys

from koubai.cli.process import main

if __name__ == "__main__":
    sys.exit(main())
