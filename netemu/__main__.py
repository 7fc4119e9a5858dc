"""``python -m netemu``: the same as the command ``netemu``."""

import sys

from netemu.cli.main import main

sys.exit(main())
