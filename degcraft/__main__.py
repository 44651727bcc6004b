"""`python -m degcraft` is `degcraft`."""

import sys

from degcraft.cli import main

sys.exit(main())
