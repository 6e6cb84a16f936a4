"""A folder of MIDI files -> a corpus: what fits a grid of frames is kept, the rest is told.

The files are only read. One grid serves the whole corpus, since a model has one length of frame.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256
from math import lcm
from pathlib import Path
from statistics import median_low

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from rnnrbm_gui.data.midi_file import read_midi
from rnnrbm_gui.data.rolls import (
    HIGH,
    LOW,
    MOST_FRAMES,
    N_KEYS,
    Corpus,
    CorpusError,
    PieceReport,
    Roll,
)
from rnnrbm_gui.data.tonality import shift_to_c, tonic_of
from rnnrbm_gui.data.whole_file import reason
from rnnrbm_gui.errors import FileError
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.roll import Grid
from rnnrbm_gui.music.timing import PPQ, Meter, frame_ticks

SUFFIXES = {".mid", ".midi"}
PARTS = ("train", "valid", "test")

GRIDS = (1, 2, 3, 4, 6)
"""Frames to the beat that a corpus may get, the coarsest first."""

TOLERANCE = PPQ // 32
"""Ticks by which an onset may miss the grid: an eighth of a sixteenth, 16 ms at 120 bpm."""

FITS = 0.95
"""A piece lies on a grid if so many of its onsets do; the rest are grace notes and slips."""

MOST_FIT = 0.8
"""A corpus takes the coarsest grid on which so many of its pieces lie."""

SHORTEST = 8
"""Frames that a piece must have to teach anything of how music goes on."""

VALID_EVERY = 10

MOST_ENTRIES = 100_000
"""Files and folders of any kind: a whole disk is not a corpus."""

MOST_NOTES = 20_000_000


class _Piece(Struct, frozen=True):
    """A file that was read: ``notes`` is (n_notes, 3) of onset, pitch and end, in ticks."""

    file: str
    part: str
    notes: NDArray[np.int32]
    bpm: float
    meter: Meter
    remarks: tuple[str, ...]


def read_folder(folder: Path, *, in_c: bool = False, frames_per_beat: int | None = None) -> Corpus:
    """Read the MIDI files of a folder and its sub-folders, in the order of their paths.

    Where the folder has sub-folders named ``train``, ``valid`` or ``test``, they are the splits.
    Otherwise, and for a ``train`` without ``valid``, every tenth of the pieces in the order of
    the hashes of their rolls is put into ``valid``, at least one: what a file is called and when
    it was written make no difference.

    Args:
        folder: where to look.
        in_c: transpose each piece so that its estimated tonic is C.
        frames_per_beat: the grid; None to find the one that fits.

    Raises:
        CorpusError: too little in it can be used, or it is too large.
    """
    if frames_per_beat is not None:
        _check_grid(frames_per_beat)
    folder = Path(folder).resolve()
    files = sorted(_midi_files(folder))
    if not files:
        raise CorpusError(
            f"The folder '{folder.name}' has no MIDI files (.mid, .midi): choose another."
        )
    reports: dict[str, PieceReport] = {}
    pieces: list[_Piece] = []
    named = {path.relative_to(folder).parts[0] for path in files} & set(PARTS)
    n_notes = 0
    for path in files:
        found = _read(path, folder, named)
        if isinstance(found, PieceReport):
            reports[found.file] = found
            continue
        n_notes += len(found.notes)
        if n_notes > MOST_NOTES:
            raise CorpusError(
                f"The folder '{folder.name}' has over {MOST_NOTES:,} notes: too many."
            )
        pieces.append(found)
    per_beat = frames_per_beat or _common_grid(pieces)
    rolls: dict[str, Roll] = {}
    first_of: dict[bytes, str] = {}
    left = MOST_FRAMES
    for piece in pieces:
        report, roll = _quantised(piece, per_beat, in_c, left)
        mark = _mark(roll)
        if not report.why_not and mark in first_of:
            report = PieceReport(piece.file, why_not=f"has the same notes as “{first_of[mark]}”")
        reports[piece.file] = report
        if not report.why_not:
            first_of[mark] = piece.file
            rolls[piece.file] = roll
            left -= len(roll)
    for file in _for_valid(reports, first_of):
        reports[file] = replace(reports[file], part="valid")
    told = tuple(reports[file] for file in sorted(reports))
    splits = {
        part: tuple(rolls[report.file] for report in told if report.part == part)
        for part in PARTS
        if any(report.part == part for report in told)
    }
    _check_parts(folder.name, splits, told, bool(named))
    remarks = (_summary(told, per_beat, given=frames_per_beat is not None), *map(str, told))
    kept = [piece for piece in pieces if piece.file in rolls]
    return Corpus(
        folder.name,
        splits,
        per_beat,
        bpm=median_low(piece.bpm for piece in kept),
        meter=Counter(piece.meter for piece in kept).most_common(1)[0][0],
        pieces=told,
        remarks=remarks,
    )


def _midi_files(folder: Path) -> Iterator[Path]:
    """Yield the MIDI files below a folder, and the folders that cannot be looked into.

    Each folder is visited once, however links lead to it.
    Hidden ones are passed over: such as ``._a.mid``, which some systems write beside ``a.mid``.
    """
    seen: set[Path] = set()
    waiting = [folder]
    left = MOST_ENTRIES
    while waiting:
        here = waiting.pop()
        real = here.resolve()
        if real in seen:
            continue
        seen.add(real)
        try:
            entries = sorted(here.iterdir())
        except OSError as error:
            if here == folder:
                raise CorpusError(
                    f"The folder '{folder.name}' cannot be looked into ({reason(error)})."
                ) from error
            yield here  # to be told of as what cannot be read
            continue
        left -= len(entries)
        if left < 0:
            raise CorpusError(
                f"The folder '{folder.name}' has over {MOST_ENTRIES:,} files and folders inside: "
                "choose a smaller one."
            )
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                waiting.append(entry)
            elif entry.suffix.lower() in SUFFIXES:
                yield entry


def _read(path: Path, folder: Path, named: set[str]) -> _Piece | PieceReport:
    """Return the notes of a file, or why there are none."""
    inside = path.relative_to(folder)
    file = inside.as_posix().encode("utf-8", "backslashreplace").decode()  # names need not be
    if named and inside.parts[0] not in named:
        return PieceReport(file, why_not=f"lies in none of the folders {', '.join(sorted(named))}")
    if path.is_dir():
        return PieceReport(file, why_not="is a folder that cannot be looked into")
    try:
        song = read_midi(path)
    except FileError as error:
        return PieceReport(file, why_not=str(error).removeprefix(f"“{path.name}” ").rstrip("."))
    notes = np.array([(note.on, note.pitch, note.off) for note in song.score], np.int32)
    part = inside.parts[0] if named else "train"
    return _Piece(file, part, notes, song.bpm, song.meter, song.remarks)


def _share_on(notes: NDArray[np.int32], frames_per_beat: int) -> float:
    """Return the share of the onsets that lie on a grid, within the tolerance."""
    step = frame_ticks(frames_per_beat)
    off = notes[:, 0] % step
    return float(np.mean(np.minimum(off, step - off) <= TOLERANCE))


def _common_grid(pieces: Sequence[_Piece]) -> int:
    """Return the coarsest grid on which most pieces lie, else the one on which the most do.

    A piece that lies on none, played freely, has no say; where none has, sixteenths serve best.
    """
    lie_on = {grid: [_share_on(piece.notes, grid) >= FITS for piece in pieces] for grid in GRIDS}
    n_measured = sum(map(any, zip(*lie_on.values(), strict=True)))
    if not n_measured:
        return 4
    most = max(sum(lie) for lie in lie_on.values())
    enough = min(most, MOST_FIT * n_measured)
    return next(grid for grid in GRIDS if sum(lie_on[grid]) >= enough)


def _quantised(
    piece: _Piece, frames_per_beat: int, in_c: bool, left: int
) -> tuple[PieceReport, Roll]:
    """Return the roll of a piece without the whole bars of silence before it, and what was done."""
    on, pitch, off = piece.notes.T
    tonic = tonic_of(pitch, off - on) if in_c else None
    shift = 0 if tonic is None else shift_to_c(tonic)
    played = (pitch + shift >= LOW) & (pitch + shift <= HIGH)
    grid = Grid(frames_per_beat, LOW, N_KEYS)
    notes = [
        Note(int(begin), int(key) + shift, int(end)) for begin, key, end in piece.notes[played]
    ]
    # Whole bars and whole beats: the frames keep their place in both.
    silent = lcm(piece.meter.bar_ticks, PPQ)
    first = min((note.on for note in notes), default=0) // silent * silent // grid.frame
    last = max((grid.covered(note)[1] for note in notes), default=first)
    report = PieceReport(
        piece.file,
        piece.part,
        n_frames=last - first,
        on_grid=_share_on(piece.notes, frames_per_beat),
        transposed=shift,
        n_outside=int(np.sum(~played)),
        remarks=piece.remarks,
    )
    if not notes:
        why = f"has no notes in {LOW}..{HIGH}"
    elif last - first < SHORTEST:
        why = f"is shorter than {SHORTEST} frames of 1/{frames_per_beat} beat"
    elif last - first > left:
        why = f"would make more than {MOST_FRAMES:,} frames in all"
    else:
        return report, grid.frames_of(notes, first, last)
    return PieceReport(piece.file, why_not=why), np.zeros((0, N_KEYS), np.bool_)


def _mark(roll: Roll) -> bytes:
    """Return what tells one roll from another."""
    return sha256(np.packbits(roll).tobytes()).digest()


def _for_valid(reports: dict[str, PieceReport], first_of: dict[bytes, str]) -> list[str]:
    """Return the files of ``train`` that go to ``valid``: none where it has some already."""
    if any(report.part == "valid" for report in reports.values()):
        return []
    in_train = [
        first_of[mark] for mark in sorted(first_of) if reports[first_of[mark]].part == "train"
    ]
    return in_train[::VALID_EVERY] if len(in_train) > 1 else []


def _check_grid(frames_per_beat: int) -> None:
    try:
        frame_ticks(frames_per_beat)
    except ValueError as error:
        raise CorpusError(f"This grid is not possible: {error}.") from error


def _check_parts(
    name: str, splits: dict[str, tuple[Roll, ...]], told: Sequence[PieceReport], named: bool
) -> None:
    """Make sure that there is something to train on and something to measure on."""
    n_kept = sum(map(len, splits.values()))
    if n_kept and (named or n_kept > 1):
        return
    left_out = [str(report) for report in told if report.why_not]
    reasons = " ".join(left_out[:3]) + (" …" if len(left_out) > 3 else "")
    raise CorpusError(
        f"Of {len(told):,} MIDI file{'s' * (len(told) != 1)} in '{name}' {n_kept} can be used; it "
        f"takes two, one to train on and one to measure on: add some. {reasons}".rstrip()
    )


def _summary(told: Sequence[PieceReport], frames_per_beat: int, *, given: bool) -> str:
    kept = [report for report in told if not report.why_not]
    parts = ", ".join(
        f"{sum(report.part == part for report in kept):,} for {part}"
        for part in PARTS
        if any(report.part == part for report in kept)
    )
    fitting = sum(report.on_grid >= FITS for report in kept)
    return (
        f"{len(kept):,} of {len(told):,} MIDI files were kept ({parts}), on a grid of "
        f"{frames_per_beat} {'frame' if frames_per_beat == 1 else 'frames'} to the beat, "
        f"{'as asked' if given else 'as found'}: {fitting:,} of them lie on it."
    )
