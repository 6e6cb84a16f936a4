"""``python -m rnnrbm_gui``: the same as the command ``rnnrbm-gui``."""

import sys

from rnnrbm_gui.cli import main

sys.exit(main())
