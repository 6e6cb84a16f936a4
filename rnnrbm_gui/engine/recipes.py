"""What fits each corpus and kind of model: settings chosen on ``valid``, and words for the file."""

from dataclasses import replace

from msgspec import Struct

from rnnrbm_gui.models.settings import Settings
from rnnrbm_gui.models.terms import DEFAULT_GIBBS_STEPS, DEFAULT_TEMPERATURE, Kind

PAPER = " from the piano-roll corpora of Boulanger-Lewandowski, Bengio and Vincent (ICML 2012)"


class Recipe(Struct, frozen=True):
    """How one corpus is trained on and played.

    Attributes:
        name: the model's, for the chooser.
        transpose: semitones added when played.
        frames_per_beat: frames to the quarter note.
        bpm: a fitting tempo.
        temperature: at which samples are nearest to ``valid``.
        gibbs_steps: a frame, likewise.
        source: after the corpus's name, whom it is from.
        settings: how to train each kind of model.
    """

    name: str
    transpose: int = 0
    frames_per_beat: int = 2
    bpm: float = 100.0
    temperature: float = DEFAULT_TEMPERATURE
    gibbs_steps: int = DEFAULT_GIBBS_STEPS
    source: str = PAPER
    settings: dict[Kind, Settings] = {}

    def settings_for(self, kind: Kind) -> Settings:
        """Return how to train a kind of model on it."""
        return replace(self.settings.get(kind, DEFAULTS[kind]), kind=kind)


GATED = Settings(
    n_recurrent=200,
    memory="gru",
    rate=5e-3,
    decay=0.05,
    dropout=0.4,
    gibbs_steps=(1, 20),
)
"""A gated memory learns fastest and over-fits soonest: it wants more dropout and decay."""

DEFAULTS: dict[Kind, Settings] = {
    "rnn-rbm": GATED,
    # Decay keeps it measurable: with a fifth of it, Nottingham's looks .4 better and is worse.
    "rtrbm": Settings(n_hidden=200, updates=16000, rate=5e-3, decay=0.05),
    # Without a memory, frames need no neighbours: of many pieces a few each, and the gradient is
    # steadier. Where notes are few, a large or little decayed RBM grows modes that no chain and no
    # AIS run finds: its likelihood cannot be told.
    "rbm": Settings(
        n_hidden=300,
        updates=12000,
        batch_size=128,
        most_frames=12,
        decay=0.025,
        dropout=0.0,
        gibbs_steps=(1, 25),
    ),
}

RECIPES = {
    # This file's pitches lie an octave above the sung ones.
    "JSB Chorales": Recipe(
        "Bach chorales",
        -12,
        1,
        72.0,
        # Fewer hidden units mix faster: the best of a few draws is better by 5 points.
        settings={
            "rnn-rbm": replace(
                GATED, n_hidden=100, n_recurrent=300, updates=16000, dropout=0.6, recall=1.1
            ),
            "rtrbm": replace(DEFAULTS["rtrbm"], updates=8000),
            "rbm": replace(
                DEFAULTS["rbm"], n_hidden=200, updates=10000, decay=0.018, gibbs_steps=(1, 50)
            ),
        },
    ),
    "Nottingham": Recipe(
        "Nottingham folk tunes",
        bpm=120.0,
        temperature=1.0,  # colder, it stays on its first chord
        settings={
            # Tunes come back after 2, 4 or 8 bars of 8 frames, or 4 or 8 of 6. Shown some frames
            # held on and some notes not at all, it moves on from what it has drawn itself.
            "rnn-rbm": replace(
                GATED,
                n_hidden=150,
                n_recurrent=300,
                updates=10000,
                dropout=0.5,
                unseen=0.05,
                held=0.1,
                echoes=(16, 24, 32, 48, 64),
            ),
            # Sharp machines: short chains from the data leave modes that they never see.
            "rtrbm": replace(
                DEFAULTS["rtrbm"],
                n_hidden=300,
                updates=24000,
                decay=0.04,
                dropout=0.15,
                gibbs_steps=(1, 80),
            ),
            "rbm": replace(DEFAULTS["rbm"], n_hidden=200, decay=0.025, transposed=0),
        },
    ),
    "MuseData": Recipe(
        "Classical scores",
        settings={
            "rnn-rbm": replace(GATED, n_recurrent=300, updates=20000),
            "rtrbm": replace(
                DEFAULTS["rtrbm"],
                n_hidden=400,
                updates=30000,
                decay=0.025,
                dropout=0.2,
                gibbs_steps=(1, 20),
            ),
            "rbm": replace(DEFAULTS["rbm"], n_hidden=600, updates=20000, decay=5e-3, transposed=0),
        },
    ),
    "Piano-midi.de": Recipe(
        "Piano pieces",
        temperature=1.0,
        settings={
            # With so little music dropout and decay must be strong; recall makes up for it.
            "rnn-rbm": replace(
                GATED,
                n_hidden=100,
                updates=12000,
                dropout=0.5,
                decay=0.1,
                unseen=0.1,
                recall=1.2,
            )
        },
    ),
    "Jsb16thSeparated with onsets": Recipe(
        "Bach chorales, sixteenths",
        0,
        4,
        72.0,
        1.0,
        4000,
        " (the chorales by voices at sixteenth notes), with onsets from the scores of music21",
        {
            "rnn-rbm": replace(
                GATED,
                n_hidden=200,
                n_recurrent=250,
                updates=14000,
                most_frames=128,
                dropout=0.3,
                unseen=0.05,
                held=0.12,
            )
        },
    ),
}
"""By the name of the corpus's file; any other corpus is named after its file."""
