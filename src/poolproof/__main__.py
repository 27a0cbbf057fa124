"""`python -m poolproof` is the `poolproof` command."""

import sys

from poolproof.cli import main

if __name__ == "__main__":
    sys.exit(main())
