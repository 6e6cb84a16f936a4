"""Standard MIDI files to and from scores.

What the roll cannot hold (changes of tempo and meter, drums, notes of one pitch over each other)
is not taken over, and said in the song's remarks.
"""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct

from rnnrbm_gui.data.midi_events import MalformedError, RawFile, RawNote, parse_midi
from rnnrbm_gui.data.whole_file import read_whole, write_whole
from rnnrbm_gui.errors import FileError
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import FASTEST_BPM, PPQ, SLOWEST_BPM, Meter

if TYPE_CHECKING:  # mido looks its own version up, which takes 30 ms: only writing imports it
    import mido

Value = TypeVar("Value")

MOST_BYTES = 16_000_000
MOST_BEATS = 100_000
"""A song of so many beats lasts 14 hours at 120 bpm; more is a fault in the file."""

DRUMS = 9
"""Channel 10, counted from 0: in General MIDI its pitches are drums."""


class MidiTrack(Struct, frozen=True):
    """A named part on one channel (0..15), with its General MIDI program (0..127) if it has one."""

    name: str
    score: Score
    channel: int = 0
    program: int | None = None


class MidiSong(Struct, frozen=True):
    """A file that was read.

    Attributes:
        score: the notes of all tracks in one, in ticks of ``PPQ`` to the beat.
        bpm: the first tempo, quarter notes a minute, 120 where the file has none.
        meter: the first time signature, 4/4 where the file has none.
        tracks: those with notes, one for each channel used in each track of the file.
        remarks: whole sentences on what was not taken over as it stands.
    """

    score: Score
    bpm: float
    meter: Meter
    tracks: tuple[MidiTrack, ...]
    remarks: tuple[str, ...]


def read_midi(path: Path) -> MidiSong:
    """Read a Standard MIDI File of type 0, 1 or 2.

    Raises:
        FileError: it cannot be opened, is broken, too large or has no notes.
    """
    content = read_whole(path, MOST_BYTES)
    try:
        return _song(parse_midi(content))
    except MalformedError as fault:
        raise FileError(f"“{path.name}” cannot be read: {fault}.") from fault


def write_midi(
    path: Path, tracks: Sequence[MidiTrack], *, bpm: float, meter: Meter, title: str = ""
) -> None:
    """Write a Standard MIDI File of type 1: a track of tempo and meter, then the given ones.

    Raises:
        FileError: the file cannot be written; an older one of that name is then still whole.
    """
    import mido

    conductor = mido.MidiTrack()
    conductor.append(_name(title))
    conductor.append(
        mido.MetaMessage("time_signature", numerator=meter.numerator, denominator=meter.denominator)
    )
    conductor.append(mido.MetaMessage("set_tempo", tempo=round(60_000_000 / bpm)))
    file = mido.MidiFile(type=1, ticks_per_beat=PPQ, charset="utf-8")
    file.tracks.append(conductor)
    file.tracks.extend(_written(track) for track in tracks)
    content = BytesIO()
    file.save(file=content)
    write_whole(path, content.getvalue())


def _name(text: str) -> "mido.MetaMessage":
    import mido

    writable = text.encode("utf-8", "replace").decode("utf-8")  # a file's name may not be
    return mido.MetaMessage("track_name", name=writable)


def _written(track: MidiTrack) -> "mido.MidiTrack":
    import mido

    events = [(note.on, 1, note.pitch, note.velocity) for note in track.score]
    events += [(note.off, 0, note.pitch, 64) for note in track.score]
    messages = mido.MidiTrack([_name(track.name)])
    if track.program is not None:
        program, channel = track.program, track.channel
        messages.append(mido.Message("program_change", program=program, channel=channel))
    before = 0
    for tick, is_on, pitch, velocity in sorted(events):  # offs before the ons of the same tick
        messages.append(
            mido.Message(
                "note_on" if is_on else "note_off",
                channel=track.channel,
                note=pitch,
                velocity=velocity,
                time=tick - before,
            )
        )
        before = tick
    return messages  # mido ends the track


_Sound = tuple[int, int, int, int]
"""Pitch, onset, end, velocity: in this order the notes of one pitch lie side by side."""


def _song(file: RawFile) -> MidiSong:
    remarks: list[str] = []
    if len(file.tracks) < file.claimed:
        remarks.append(f"The file announces {file.claimed} tracks and has {len(file.tracks)}.")
    bpm, meter = _tempo(file, remarks), _meter(file, remarks)
    if file.ticks_per_beat:
        scale = Fraction(PPQ, file.ticks_per_beat)
    else:
        scale = Fraction(bpm) * PPQ / 60 / (file.ticks_per_second or 1)
    if file.kind == 2 and len(file.tracks) > 1:
        remarks.append(f"The file's {len(file.tracks)} patterns follow one another.")
    tracks: list[MidiTrack] = []
    everything: list[_Sound] = []
    n_drums = n_endless = begin = 0
    for number, raw in enumerate(file.tracks, start=1):
        n_drums += len(raw.notes.get(DRUMS, ()))
        channels = sorted(raw.notes.keys() - {DRUMS})
        for channel in channels:
            n_endless += sum(off is None for _, _, off, _ in raw.notes[channel])
            sounds = list(_in_ppq(raw.notes[channel], raw.end, scale, begin))
            everything.extend(sounds)
            name = raw.name or f"Track {number}"
            if len(channels) > 1:
                name += f", channel {channel + 1}"
            score, n_cut = _without_overlaps(sounds)
            tracks.append(MidiTrack(name, score, channel, raw.programs.get(channel)))
        if file.kind == 2:
            last = begin + _scaled(raw.end, scale)
            begin = meter.bar_of(last + meter.bar_ticks - 1)
    if not tracks:
        raise MalformedError("it has drums but no notes" if n_drums else "it has no notes")
    score, n_cut = _without_overlaps(everything) if len(tracks) > 1 else (score, n_cut)
    if n_endless:
        remarks.append(f"Held to the end of the track for want of a note-off: {_notes(n_endless)}.")
    if n_cut:
        remarks.append(f"Cut where the next of the same pitch begins: {_notes(n_cut)}.")
    if n_drums:
        remarks.append(f"Left out, being drums on channel 10: {_notes(n_drums)}.")
    return MidiSong(score, bpm, meter, tuple(tracks), tuple(remarks))


def _in_ppq(notes: Iterable[RawNote], end: int, scale: Fraction, begin: int) -> Iterator[_Sound]:
    """Yield notes in our ticks, later by ``begin``; a note lasts for a tick at the least."""
    for on, pitch, off, velocity in notes:
        first = begin + _scaled(on, scale)
        last = begin + _scaled(end if off is None else off, scale)
        if last > MOST_BEATS * PPQ:
            raise MalformedError(f"it lasts longer than {MOST_BEATS:,} beats")
        yield pitch, first, max(last, first + 1), velocity


def _scaled(tick: int, scale: Fraction) -> int:
    """Return ``tick * scale`` rounded, halves up."""
    return (2 * tick * scale.numerator + scale.denominator) // (2 * scale.denominator)


def _without_overlaps(sounds: Iterable[_Sound]) -> tuple[Score, int]:
    """Return the score in which every note ends where the next of its pitch begins.

    Of two that begin together the longer stays. The second value is the number of notes cut.
    """
    kept: list[_Sound] = []
    n_cut = 0
    for sound in sorted(sounds):
        if kept and kept[-1][0] == sound[0] and kept[-1][2] > sound[1]:
            n_cut += 1
            pitch, on, _, velocity = kept.pop()
            if on < sound[1]:
                kept.append((pitch, on, sound[1], velocity))
        kept.append(sound)
    return Score.of(Note(on, pitch, off, velocity) for pitch, on, off, velocity in kept), n_cut


def _tempo(file: RawFile, remarks: list[str]) -> float:
    """Return the first tempo in quarter notes a minute, to two decimals."""
    found = [
        (tick, 60_000_000 / max(1, microseconds))
        for track in file.tracks
        for tick, microseconds in track.tempi
    ]
    first, n_changes = _first_and_changes(file.kind, found, 120.0)
    bpm = round(min(max(first, SLOWEST_BPM), FASTEST_BPM), 2)
    if not SLOWEST_BPM <= round(first, 2) <= FASTEST_BPM:
        remarks.append(
            f"The tempo must be {SLOWEST_BPM:g} to {FASTEST_BPM:g} bpm, the file has {first:g}; "
            f"{bpm:g} bpm is used."
        )
    if n_changes:
        remarks.append(f"The tempo changes {_times(n_changes)}; the first, {bpm:g} bpm, is used.")
    return bpm


def _meter(file: RawFile, remarks: list[str]) -> Meter:
    """Return the first time signature that the roll knows."""
    found: list[tuple[int, Meter]] = []
    unknown = ""
    for track in file.tracks:
        for tick, numerator, power in track.meters:
            try:
                found.append((tick, Meter(numerator, 2**power)))
            except ValueError:
                unknown = unknown or f"{numerator}/2^{power}"
    first, n_changes = _first_and_changes(file.kind, found, Meter())
    if unknown:
        remarks.append(f"The time signature {unknown} is unknown here and was passed over.")
    if n_changes:
        remarks.append(
            f"The time signature changes {_times(n_changes)}; the first, {first}, is used."
        )
    return first


def _first_and_changes(
    kind: int, found: list[tuple[int, Value]], default: Value
) -> tuple[Value, int]:
    """Return the first value in time, and how often another one follows."""
    if kind != 2:  # patterns have times of their own: there the order in the file counts
        found.sort(key=lambda pair: pair[0])
    values = [value for _, value in found] or [default]
    return values[0], sum(a != b for a, b in pairwise(values))


def _times(n: int) -> str:
    return "once" if n == 1 else f"{n:,} times"


def _notes(n: int) -> str:
    return "1 note" if n == 1 else f"{n:,} notes"
