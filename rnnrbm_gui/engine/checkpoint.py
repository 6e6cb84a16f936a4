"""A training run set down, so that it can go on bit for bit: a file beside the model's.

The trainer's arrays as safetensors; what else there is to know stands in the header as JSON. It
is written whole or not at all, so that it survives being killed at any moment.
"""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from rnnrbm_gui.data.whole_file import write_whole
from rnnrbm_gui.errors import UserError
from rnnrbm_gui.models.settings import Settings

FORMAT = "training-1"


class Checkpoint(Struct, frozen=True, eq=False):
    """Where a run stood.

    Attributes:
        state: the trainer's arrays by name.
        update: updates done.
        best_ll: of the best model so far, quickly measured on ``valid``.
        best_update: updates it had.
        elapsed_s: seconds trained.
        run: what the run is of; another run cannot go on from here.
    """

    state: dict[str, NDArray[np.float32]]
    update: int
    best_ll: float
    best_update: int
    elapsed_s: float
    run: str


def path_beside(out: Path) -> Path:
    """Return where the checkpoint of a model file lies."""
    return out.with_name(f"{out.name}.checkpoint")


def run_of(settings: Settings, music: str) -> str:
    """Return what a run is of: its settings and a digest of the music it learns from.

    On how many threads is left out: with another number a run goes on, though not bit for bit. So
    is the recall of the model that is kept, which learning does not know.
    """
    said = asdict(settings)
    del said["threads"], said["recall"]
    if not settings.echoes:  # which earlier checkpoints do not know
        del said["echoes"]
    return json.dumps({**said, "music": music}, sort_keys=True)


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint.

    Raises:
        FileError: the file cannot be written.
    """
    entries = {
        "format": FORMAT,
        "update": str(checkpoint.update),
        "best_ll": repr(checkpoint.best_ll),
        "best_update": str(checkpoint.best_update),
        "elapsed_s": repr(checkpoint.elapsed_s),
        "run": checkpoint.run,
    }
    write_whole(path, save(checkpoint.state, entries))


def read(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        UserError: there is none, or the file is no checkpoint.
    """
    if not path.is_file():
        raise UserError(
            f"There is no “{path.name}” beside the model to go on from: train without --resume."
        )
    try:
        with safe_open(path, "numpy") as file:
            entries = file.metadata() or {}
            if entries.get("format") != FORMAT:
                raise ValueError("another format")
            return Checkpoint(
                {name: file.get_tensor(name) for name in file.keys()},  # noqa: SIM118
                int(entries["update"]),
                float(entries["best_ll"]),
                int(entries["best_update"]),
                float(entries["elapsed_s"]),
                entries["run"],
            )
    except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
        raise UserError(
            f"“{path.name}” is no readable checkpoint ({error}): delete it and train anew."
        ) from error
