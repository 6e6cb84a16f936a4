"""Small models of chance weights, of every kind: for tests of playing, not of music."""

from pathlib import Path

import numpy as np

from rnnrbm_gui.data.model_file import StoredModel, save_model
from rnnrbm_gui.data.model_header import ModelHeader
from rnnrbm_gui.models.kinds import KINDS
from rnnrbm_gui.models.memory import N_GATES
from rnnrbm_gui.music.bars import Bars

N_HIDDEN = 12
PLAYED = [
    ("rnn-rbm", "tanh", 1, ""),
    ("rnn-rbm", "tanh", 2, "4/4 3/4"),
    ("rnn-rbm", "sigmoid", 2, ""),
    ("rnn-rbm", "gru", 1, "4/4"),
    ("rnn-rbm", "gru", 2, "4/4 3/4"),
    ("rnn-rbm", "gru", 2, "4/4 3/4", "2 5"),
    ("rtrbm", "tanh", 1, ""),
    ("rtrbm", "tanh", 2, "4/4 3/4"),
    ("rbm", "tanh", 1, ""),
    ("rbm", "tanh", 2, "4/4 3/4"),
]
"""Kind, memory, planes, bars, echoes."""


def small_model(
    kind: str = "rnn-rbm",
    memory: str = "gru",
    planes: int = 2,
    bars: str = "4/4 3/4",
    echoes: str = "",
    *,
    n_keys: int = 24,
    frames_per_beat: int = 2,
    seed: int = 1,
) -> StoredModel:
    """Return a model that sounds a few keys a frame; half of all keys are struck, heard or not."""
    rng = np.random.default_rng(seed)
    n_visible, n_recurrent = n_keys * planes, {"rnn-rbm": 9, "rtrbm": N_HIDDEN, "rbm": 0}[kind]
    sizes = {"v": n_visible, "h": N_HIDDEN, "u": n_recurrent}
    sizes["g"] = n_recurrent * (N_GATES[memory] if kind == "rnn-rbm" else 1)
    sizes["x"] = Bars.of(bars, frames_per_beat).n_positions
    sizes["s"] = n_visible * (1 + len(echoes.split()))
    arrays = {
        name: rng.normal(0, 0.7, tuple(sizes[layer] for layer in layers)).astype(np.float32)
        for name, layers in KINDS[kind].SHAPES.items()
        if bars or "x" not in layers
    }
    arrays["bv"][:n_keys] -= 1.5
    own = {"memory": memory, "echoes": tuple(map(int, echoes.split()))}
    model = KINDS[kind](**arrays, **(own if kind == "rnn-rbm" else {}))
    header = ModelHeader(
        name=f"Chance ({kind}, {memory}, {planes}, {bars})",
        kind=kind,
        memory=memory,
        echoes=echoes,
        n_visible=n_visible,
        n_hidden=N_HIDDEN,
        n_recurrent=n_recurrent,
        planes=planes,
        bars=bars,
        low=55,
        frames_per_beat=frames_per_beat,
        corpus="nothing",
    )
    return StoredModel(model, header)


def small_file(folder: Path, *which, **options) -> Path:
    """Write such a model; return its path."""
    stored = small_model(*which, **options)
    path = folder / "small.safetensors"
    save_model(path, stored.model, stored.header)
    return path
