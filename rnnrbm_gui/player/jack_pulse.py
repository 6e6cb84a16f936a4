"""Whether the JACK server lives: its cycle counter, read from shared memory without waiting.

rtmidi lists a dead server's ports as if nothing had happened, and sending to it spins for ever. The
frame of the last cycle (``jack_last_frame_time``) stands still when the server is dead or stopped.
"""

import ctypes
import time
from typing import Any

_NO_START_SERVER = 0x01
STILL_S = 0.6
"""A server whose counter stands still for so long is dead or stopped; a cycle takes 1-50 ms."""


class JackPulse:
    """A JACK client without ports that only looks at the cycle counter.

    Raises:
        OSError: no JACK library, or no server answers.
    """

    def __init__(self, library: str) -> None:
        """Connect by the JACK that ``library``, rtmidi's own extension module, is linked to."""
        self._jack: Any = ctypes.CDLL(library)
        try:
            open_client, last_frame = self._jack.jack_client_open, self._jack.jack_last_frame_time
        except AttributeError as error:
            raise OSError("rtmidi was built without JACK") from error
        open_client.restype = ctypes.c_void_p
        self._jack.jack_client_close.argtypes = [ctypes.c_void_p]
        last_frame.argtypes, last_frame.restype = [ctypes.c_void_p], ctypes.c_uint32
        status = ctypes.c_int()
        name = b"rnnrbm-gui-pulse"
        self._client = open_client(name, _NO_START_SERVER, ctypes.byref(status))
        if not self._client:
            raise OSError(f"no JACK server answers (status {status.value:#x})")
        self._frame = -1
        self._moved_s = 0.0

    def beats(self, at_s: float) -> bool:
        """Tell whether the server moved within the last ``STILL_S``; ask often."""
        frame = self._jack.jack_last_frame_time(self._client)
        if frame != self._frame:
            self._frame, self._moved_s = frame, at_s
        return at_s - self._moved_s < STILL_S

    def pass_cycles(self, n: int) -> None:
        """Wait until the server has begun ``n`` more cycles; no longer than ``STILL_S``."""
        last_frame, until_s = self._jack.jack_last_frame_time, time.monotonic() + STILL_S
        frame = last_frame(self._client)
        while n and time.monotonic() < until_s:
            time.sleep(0.0005)
            if (now := last_frame(self._client)) != frame:
                frame, n = now, n - 1

    def close(self) -> None:
        """Take leave of a server that answers."""
        self._jack.jack_client_close(self._client)
