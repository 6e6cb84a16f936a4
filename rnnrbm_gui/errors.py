"""The one family of errors whose text is shown to the user as it stands.

A message says rule, value, place and cure: ``pitch must be in 0..127, got 131``.
"""


class UserError(Exception):
    """Something the user can understand and mend; ``str(error)`` is a whole sentence."""


class FileError(UserError):
    """A file that cannot be read or written; the sentence names the file."""


class ModelError(UserError):
    """A model file that does not fit, or parameters that cannot form a model."""
