"""The one family of errors whose text is shown to the user as it stands.

A message says rule, value, place and cure: ``pitch must be in 0..127, got 131``.
"""

from collections.abc import Iterator
from contextlib import contextmanager


class UserError(Exception):
    """Something the user can understand and mend; ``str(error)`` is a whole sentence."""


class FileError(UserError):
    """A file that cannot be read or written; the sentence names the file."""


class ModelError(UserError):
    """A model file that does not fit, or parameters that cannot form a model."""


@contextmanager
def plain_interrupt() -> Iterator[None]:
    """Let Ctrl-C within be a KeyboardInterrupt always.

    WORKAROUND(numba 0.68): where a compiled call makes the arrays that it returns, it becomes the
    cause of a SystemError, or of that one's cause.
    """
    try:
        yield
    except SystemError as error:
        cause: BaseException | None = error
        while cause is not None:
            cause = cause.__cause__
            if isinstance(cause, KeyboardInterrupt):
                raise KeyboardInterrupt from error
        raise
