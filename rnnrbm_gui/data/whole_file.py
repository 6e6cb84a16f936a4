"""Files as wholes: read with a limit, written all or not at all, failures said in a sentence."""

import os
from pathlib import Path

from rnnrbm_gui.errors import FileError


def read_whole(path: Path, most_bytes: int) -> bytes:
    """Return the bytes of an ordinary file of at most ``most_bytes``.

    Raises:
        FileError: it is missing, forbidden, too large, or a folder or a device, which might block.
    """
    try:
        if not path.is_file():
            what = "is not a file" if path.exists() else "does not exist"
            raise FileError(f"“{path.name or path}” cannot be opened: it {what}.")
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
    except OSError as error:
        raise FileError(f"“{path.name}” cannot be opened: {reason(error)}.") from error
    if len(content) > most_bytes:
        limit = most_bytes / 1_000_000
        raise FileError(f"“{path.name}” cannot be opened: it is larger than {limit:.0f} MB.")
    return content


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that whoever reads it finds the old content or the new, never a part.

    The content goes into a new file in the same folder, which then takes the place of the old one.

    Raises:
        FileError: the folder is missing or forbidden, the disk is full, the path is a folder.
    """
    path = path.resolve()  # a link stays a link: what it points at is replaced
    part = path.with_name(f".{path.name[:80]}.{os.urandom(4).hex()}.part")
    try:
        try:
            with part.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if path.exists():
                part.chmod(path.stat().st_mode & 0o777)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        folder = f" in “{path.parent}”"
        raise FileError(f"“{path.name}” cannot be saved{folder}: {reason(error)}.") from error


def reason(error: OSError) -> str:
    """Return what the system says, in lower case and without its number."""
    if isinstance(error, FileNotFoundError):
        return "the folder does not exist"
    text = error.strerror or str(error)
    return text[:1].lower() + text[1:]
