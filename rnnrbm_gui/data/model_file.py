"""Model files: safetensors with a header that says all there is to know to play the model.

The tensors are the parameters by name.
"""

from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct
from safetensors.numpy import save

from rnnrbm_gui.data.model_header import (
    ModelHeader,
    echoes_of,
    entries_of,
    header_of,
    opened,
    written,
)
from rnnrbm_gui.data.whole_file import write_whole
from rnnrbm_gui.errors import ModelError
from rnnrbm_gui.models.kinds import KINDS
from rnnrbm_gui.models.rnn_rbm import RnnRbm
from rnnrbm_gui.models.sequence_model import SequenceModel
from rnnrbm_gui.music.bars import Bars


class StoredModel(Struct, frozen=True):
    """A model and what its file says about it."""

    model: SequenceModel
    header: ModelHeader

    @property
    def played(self) -> SequenceModel:
        """The model as it plays: recalling as its header says."""
        return self.model.recalling(self.header.recall)


def save_model(path: Path, model: SequenceModel, header: ModelHeader) -> None:
    """Write a model file, whole or not at all.

    Raises:
        ModelError: the header's sizes are not the model's.
        FileError: the file cannot be written.
    """
    _check_sizes(model, header, Path(path).name)
    content = save(dict(model.parameters()), entries_of(header))
    write_whole(Path(path), content)


def load_model(path: Path) -> StoredModel:
    """Read a model file.

    Raises:
        ModelError: the file is missing, is no such file, or does not fit what it says.
    """
    path = Path(path)
    with opened(path) as file:
        header = header_of(file.metadata() or {}, path.name)
        shapes = KINDS[header.kind].SHAPES
        wanted = [name for name, layers in shapes.items() if header.bars or "x" not in layers]
        missing = sorted(set(wanted) - set(file.keys()))
        if missing:
            raise ModelError(
                f"'{path.name}' lacks the parameters {', '.join(missing)}: train or download "
                "the model again."
            )
        tensors = {name: file.get_tensor(name) for name in wanted}
    for name, tensor in tensors.items():
        if tensor.dtype != np.float32:
            raise ModelError(f"'{path.name}': {name} must be float32, got {tensor.dtype}.")
    own: dict[str, Any] = {}
    if header.kind == RnnRbm.kind:
        own = {"memory": header.memory, "echoes": echoes_of(header) or ()}
    try:
        model = KINDS[header.kind](**tensors, **own)
    except ModelError as error:
        raise ModelError(f"'{path.name}' does not fit: {error}") from error
    _check_sizes(model, header, path.name)
    return StoredModel(model, header)


def _check_sizes(model: SequenceModel, header: ModelHeader, name: str) -> None:
    for size in ("n_visible", "n_hidden", "n_recurrent"):
        if getattr(header, size) != getattr(model, size):
            raise ModelError(
                f"'{name}': the header says {size} = {getattr(header, size)}, but the parameters "
                f"have {getattr(model, size)}: train the model again."
            )
    if header.echoes != written(model.echoes):
        raise ModelError(
            f"'{name}': the header says echoes = {header.echoes!r}, but the model has "
            f"{written(model.echoes)!r}: train the model again."
        )
    places = Bars.of(header.bars, header.frames_per_beat).n_positions
    if places != model.n_positions:
        raise ModelError(
            f"'{name}': the header says bars = {header.bars!r}, which are {places} places, but the "
            f"parameters have {model.n_positions}: train the model again."
        )
