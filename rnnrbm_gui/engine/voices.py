"""Frame differences become notes, one frame at a time, and can be taken back to any frame."""

from collections.abc import Iterable

from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.roll import Articulation, Grid
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import PPQ, Meter


class Voices:
    """The notes of a growing roll.

    A key that is on in two adjacent frames is one note or two, as the articulation says. The
    result is that of ``Grid.notes_of`` over all frames; this class only spares the recount.
    """

    def __init__(self, grid: Grid, articulation: Articulation, meter: Meter) -> None:
        self.grid, self.articulation, self.meter = grid, articulation, meter
        self._lengths: list[dict[int, int]] = []  # of each frame: key struck there -> frames held
        self._struck: list[dict[int, int]] = []  # of each frame: key sounding there -> its onset

    def __len__(self) -> int:
        return len(self._struck)

    def append(self, keys: Iterable[int]) -> int:
        """Add the next frame's keys; return the earliest frame whose notes have changed."""
        frame = len(self._struck)
        before = self._struck[-1] if self._struck else {}
        again = self.grid.strikes_at(frame, self.articulation, self.meter)
        struck: dict[int, int] = {}
        self._lengths.append({})
        for key in keys:
            onset = frame if again else before.get(key, frame)
            struck[key] = onset
            self._lengths[onset][key] = frame + 1 - onset
        self._struck.append(struck)
        return min(struck.values(), default=frame)

    def truncate(self, n_frames: int) -> None:
        """Forget the frames from ``n_frames`` on; notes that reach into them are cut."""
        del self._lengths[n_frames:], self._struck[n_frames:]
        if self._struck:
            for key, onset in self._struck[-1].items():
                self._lengths[onset][key] = n_frames - onset

    def notes(self, first: int, last: int) -> list[Note]:
        """Return the notes struck in the frames ``first <= t < last``."""
        step, found = self.grid.frame, []
        for frame in range(max(0, first), min(last, len(self._lengths))):
            for key, length in sorted(self._lengths[frame].items()):
                pitch = self.grid.low + key
                if 0 <= pitch <= 127:
                    velocity = accent(frame * step, self.meter)
                    found.append(Note(frame * step, pitch, (frame + length) * step, velocity))
        return found

    def reaches_end(self, note: Note) -> bool:
        """Tell whether the note sounds in the last known frame and so may yet grow."""
        return bool(self._struck) and note.off >= len(self._struck) * self.grid.frame


def accent(tick: int, meter: Meter) -> int:
    """Return the velocity of a generated note: the bar's first beat speaks a little louder."""
    if tick % meter.bar_ticks == 0:
        return 84
    return 76 if tick % meter.beat_ticks == 0 else 70


SHORTEST_REST = PPQ // 8


def clear_of(note: Note, drawn: Score, shortest: int = SHORTEST_REST) -> Note | None:
    """Return what is left of a generated note beside the drawn ones of its pitch.

    A drawn note always sounds as drawn, so the generated one gives way: it starts after a drawn
    note that is still sounding, ends before one that begins, and is dropped (None) where less
    than ``shortest`` ticks are left.
    """
    on, off = note.on, note.off
    for other in drawn.overlapping(note.on, note.off):
        if other.pitch != note.pitch:
            continue
        if other.on <= on:
            on = max(on, other.off)
        else:
            off = min(off, other.on)
    if (on, off) == (note.on, note.off):
        return note
    return Note(on, note.pitch, off, note.velocity) if off - on >= shortest else None
