"""`python -m votegame`."""

import sys

from votegame.cli import main

sys.exit(main())
