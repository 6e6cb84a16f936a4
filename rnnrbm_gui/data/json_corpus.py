"""Corpora in JSON: the chorales by voices, such as Jsb16thSeparated.json.

A dict of splits, each a list of pieces, each a list of frames, each a list of the pitch of every
voice, -1 where it is silent. How long a frame is stands in the file's name only.
"""

import json
from typing import Any

from rnnrbm_gui.data.rolls import CorpusError

MOST_BYTES = 20_000_000
"""Sixteen times the chorales; brackets alone become 64 bytes in memory for every two."""

SILENT = -1

FRAMES_PER_BEAT = {"16th": 4, "8th": 2, "quarter": 1}
"""What the names of the published files say of the length of a frame."""


def json_value(content: bytes, name: str) -> Any:
    """Return what a JSON file holds.

    Raises:
        CorpusError: it is too large, damaged or nested too deeply.
    """
    if len(content) > MOST_BYTES:
        raise CorpusError(
            f"The corpus '{name}' is over {MOST_BYTES // 10**6} MB: too big for JSON."
        )
    try:
        return json.loads(content)
    except RecursionError as error:
        raise CorpusError(
            f"'{name}' is nested too deeply for a corpus: it should be a dict of lists of pieces."
        ) from error
    except ValueError as error:
        raise CorpusError(
            f"'{name}' is no readable JSON ({str(error)[:200]}): download the corpus again."
        ) from error


def frames_per_beat(name: str) -> int | None:
    """Return the frames to the quarter note of which a file's name speaks, None if of none."""
    return next((n for word, n in FRAMES_PER_BEAT.items() if word in name), None)
