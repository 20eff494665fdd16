"""``python -m agents.cli`` is the command ``textenvs``."""

import sys

from agents.cli.main import main

sys.exit(main())
