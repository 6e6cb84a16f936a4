"""A throw-away process: does this MIDI API answer? ``python -m rnnrbm_gui.player.probe jack``.

Ends with 0 if it does, with 1 and the reason on standard output if not; hangs where the API hangs.
"""

import faulthandler
import os
import sys

from rnnrbm_gui.player.ports import midi_apis


def main() -> int:
    """Probe the API that is named on the command line."""
    faulthandler.dump_traceback_later(3.0, exit=True)  # should the app be gone by then
    answer = dict(midi_apis(only=sys.argv[1])).get(sys.argv[1], "this system does not have it")
    sys.stdout.write(answer if isinstance(answer, str) else "\n".join(answer))
    sys.stdout.flush()
    return int(isinstance(answer, str))


if __name__ == "__main__":
    os._exit(main())  # a crash while rtmidi tidies up would count as no answer
