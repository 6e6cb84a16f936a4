"""``python -m rnnrbm_gui``: the same as the command ``rnnrbm-gui``."""

import sys

from rnnrbm_gui.launch import main

sys.exit(main())
