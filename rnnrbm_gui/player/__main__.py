"""The player's process: ``python -m rnnrbm_gui.player``."""

import os
import sys
import traceback

from rnnrbm_gui.player.process import main

code = 0
try:
    main()
except Exception:
    traceback.print_exc()
    code = 1
sys.stderr.flush()
os._exit(code)  # tidying up after a dead JACK server crashes
