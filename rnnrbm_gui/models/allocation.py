"""Memory that an update frees, kept for the next one.

Every update makes and frees the same arrays of half a megabyte. glibc gives such memory back to
the system and asks for it again, zeroed page by page: a quarter of an update's time. Other
allocators keep it of themselves.
"""

import contextlib
import ctypes
import functools

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""glibc's malloc.h."""
MOST_KEPT, LARGEST = 2**28, 2**25
"""Bytes: at the top of the heap, and of an array; glibc takes no larger one."""


@functools.cache
def keep_freed() -> None:
    """Let this process keep memory that it frees, up to ``MOST_KEPT`` at the top of its heap."""
    with contextlib.suppress(AttributeError, OSError, TypeError):  # not glibc's
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, LARGEST)
        mallopt(_TRIM_THRESHOLD, MOST_KEPT)
