"""The scores that come with music21, and what they make of a corpus."""

import os
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from rnnrbm_gui.data.chorale_scores import articulate, frames_of, read_scores
from rnnrbm_gui.data.corpus import LOW, Corpus, CorpusError, load_corpus
from rnnrbm_gui.data.rolls import N_KEYS
from rnnrbm_gui.errors import UserError
from rnnrbm_gui.music.timing import Meter


@pytest.fixture(scope="module")
def music21() -> ModuleType:
    """The package; it is an extra of the project's, and of its tests, so that CI must have it."""
    if os.environ.get("CI"):
        import music21

        return music21
    return pytest.importorskip("music21")


def test_without_music21_a_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "music21", None)
    with pytest.raises(UserError, match=r'pip install "rnnrbm-gui\[scores\]"'):
        next(read_scores())


def test_a_corpus_without_a_grid_and_one_without_a_match_are_refused() -> None:
    roll = np.eye(4, N_KEYS, dtype=np.bool_)
    with pytest.raises(CorpusError, match="how long its frames are"):
        articulate(Corpus("mine", {"train": (roll,)}), ())
    with pytest.raises(CorpusError, match="No piece of 'mine' matches"):
        articulate(Corpus("mine", {"train": (roll,)}, 4), ())
    with pytest.raises(CorpusError, match="does not say when its notes are struck"):
        Corpus("mine", {"train": (roll,)}, 4).articulated_split("train")


NOTATED = """<?xml version="1.0" encoding="UTF-8"?>
<score-partwise version="3.1">
<part-list>
{list}
</part-list>
{parts}
</score-partwise>
"""


def musicxml(parts: dict[str, list[str]]) -> str:
    """Return a score in 3/4 whose first measure is an upbeat."""
    listed, written = [], []
    for number, (name, measures) in enumerate(parts.items()):
        listed.append(f'<score-part id="P{number}"><part-name>{name}</part-name></score-part>')
        head = (
            "<attributes><divisions>2</divisions>"
            "<time><beats>3</beats><beat-type>4</beat-type></time></attributes>"
        )
        upbeat, *bars = measures
        bars = [f'<measure number="{n}">{notes}</measure>' for n, notes in enumerate(bars, 1)]
        bars.insert(0, f'<measure number="0" implicit="yes">{head}{upbeat}</measure>')
        written.append(f'<part id="P{number}">{"".join(bars)}</part>')
    return NOTATED.format(list="\n".join(listed), parts="\n".join(written))


def written_note(
    step: str, octave: int, length: int, *, tie: str = "", chord: bool = False, grace: bool = False
) -> str:
    ties = "".join(f'<tie type="{kind}"/>' for kind in tie.split())
    duration = "" if grace else f"<duration>{length}</duration>"
    return (
        f"<note>{'<grace/>' if grace else ''}{'<chord/>' if chord else ''}"
        f"<pitch><step>{step}</step><octave>{octave}</octave></pitch>{duration}{ties}</note>"
    )


def test_a_score_as_music21_reads_it(music21: ModuleType) -> None:
    """An upbeat of a beat in 3/4; ties, repeated notes, a chord, a grace note, an instrument."""
    c, e, g = ("C", 5), ("E", 4), ("G", 4)
    sung = {
        "Soprano": [
            written_note(*c, 2),
            written_note(*c, 4) + written_note(*c, 2, tie="start"),
            written_note("D", 5, 1, grace=True) + written_note(*c, 6, tie="stop"),
        ],
        "Alto": [
            written_note(*g, 2),
            written_note(*g, 6, tie="start") + written_note(*e, 6, chord=True),
            written_note(*g, 6, tie="stop") + written_note(*e, 6, chord=True),
        ],
        "Tenor 1": [written_note(*e, 2), written_note(*e, 6), written_note(*e, 6)],
        "Bass\nContinuo": [
            "<note><rest/><duration>2</duration></note>",
            written_note("C", 3, 6),
            written_note("C", 3, 6),
        ],
        "Trumpet": [
            written_note("A", 5, 2),
            written_note("A", 5, 6),
            "".join(written_note("A", 5, 1) for _ in range(6)),
        ],
    }
    stream = music21.converter.parseData(musicxml(sung), format="musicxml")
    score = frames_of(stream, "hand-made", 4)
    assert score is not None
    assert (score.meter, score.bar_frames, score.changes_meter) == (Meter(3, 4), 12, False)
    assert list(score.position) == [*range(8, 12), *range(12), *range(12)]
    struck = {
        int(key) + LOW: list(np.flatnonzero(score.onsets[:, key]))
        for key in np.flatnonzero(score.roll.any(0))
    }
    assert struck == {72: [0, 4, 12], 67: [0, 4], 64: [0, 4, 16], 48: [4, 16]}


NAMES = ("bwv66.6", "bwv28.6", "bwv244.15", "bwv304")
"""One almost as written, one with a repeat, one a tone away, one that changes its metre."""


@pytest.mark.corpus
def test_published_chorales_get_their_onsets(music21: ModuleType, corpora: Path) -> None:
    chorales = load_corpus(corpora / "Jsb16thSeparated.json")
    scores = list(read_scores(NAMES))
    assert [score.name.rpartition(".")[0] for score in scores] == sorted(NAMES)
    told: list[str] = []
    corpus = articulate(chorales, scores, tell=told.append)
    assert told == [
        "Looking for the scores of the 229 pieces of train.",
        "Looking for the scores of the 76 pieces of valid.",
    ]
    assert corpus.remarks == (
        "Onsets and bars in train: 3 of 229 pieces were found among the scores, 2 of them note "
        "for note and the others with at most 6% of the keys differing; 225 left out because they "
        "match no score; 1 left out because they change their metre.",
        "Onsets and bars in valid: 0 of 76 pieces were found among the scores, 0 of them note "
        "for note and the others with at most 6% of the keys differing; 76 left out because they "
        "match no score.",
    )
    assert corpus.articulated_split("valid") == ()
    pieces = corpus.articulated_split("train")
    assert all(
        piece.roll is roll for piece, roll in zip(pieces, corpus.split("train"), strict=True)
    )
    assert all(
        (piece.meter, piece.bar_frames, piece.position[0]) == (Meter(), 16, 12) for piece in pieces
    )
    lengths = {len(piece.roll): piece for piece in pieces}

    # As written but for the last bar: every note that no tie holds, and nothing else.
    plain = lengths[148]
    written = music21.corpus.parse("bwv66.6")
    struck = {
        (int(4 * note.getOffsetInHierarchy(written)), note.pitch.midi)
        for note in written.recurse().notes
        if note.tie is None or note.tie.type == "start"
    }
    found = {(int(frame), int(key) + LOW) for frame, key in np.argwhere(plain.onsets)}
    assert found == struck
    held = plain.roll & ~plain.onsets
    assert 0.6 < held.sum() / plain.roll.sum() < 0.8

    # The first four bars are sung twice, in the corpus and with the same onsets.
    repeated = [piece for piece in pieces if len(piece.roll) == 260]
    assert len(repeated) == 2
    assert any(
        np.array_equal(piece.onsets[1:56], piece.onsets[65:120])
        and not np.array_equal(piece.onsets[1:56], piece.onsets[129:184])
        for piece in repeated
    )
