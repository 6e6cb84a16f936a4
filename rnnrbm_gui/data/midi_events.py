"""The bytes of a Standard MIDI File -> raw notes, tempi and meters, in the file's own ticks.

Written out rather than left to a library because of files that are broken: here every fault is
found at its byte, nothing is dropped in silence, and the work is bounded. (mido needs seconds and
gigabytes for some of them; symusic drops notes without end and refuses SMPTE divisions.)

Source: The Complete MIDI 1.0 Detailed Specification, "Standard MIDI Files 1.0", MIDI Manufacturers
Association, 1996.
"""

from collections import deque
from collections.abc import Iterator
from fractions import Fraction

from msgspec import Struct

MOST_EVENTS = 250_000
"""In a file: some 120,000 notes, read in less than a second."""

MOST_CHUNKS = 4_097
"""The header and 4,096 tracks."""

FRAME_RATES = {24: Fraction(24), 25: Fraction(25), 29: Fraction(30_000, 1001), 30: Fraction(30)}
TRACK_NAME, END_OF_TRACK, TEMPO, TIME_SIGNATURE = 0x03, 0x2F, 0x51, 0x58

RawNote = tuple[int, int, int | None, int]
"""Tick of the onset, pitch, tick of the end (None where the file has none), velocity."""


class MalformedError(ValueError):
    """What is wrong with the bytes, and where: a clause without its full stop."""


class RawTrack(Struct):
    """One track chunk.

    Attributes:
        name: the first one given, perhaps empty.
        notes: by channel 0..15, in the order in which they end; those without end come last.
        programs: the first program of each channel that has one.
        tempi: pairs (tick, microseconds to the beat).
        meters: triples (tick, numerator, denominator as a power of two).
        end: tick of the last event.
    """

    name: str = ""
    notes: dict[int, list[RawNote]] = {}
    programs: dict[int, int] = {}
    tempi: list[tuple[int, int]] = []
    meters: list[tuple[int, int, int]] = []
    end: int = 0


class RawFile(Struct, frozen=True):
    """A file as it stands.

    Attributes:
        kind: 0 (one track), 1 (tracks that sound together) or 2 (patterns on their own).
        claimed: the number of tracks in the header.
        ticks_per_beat: None where the division counts time, not beats (SMPTE).
        ticks_per_second: None where the division counts beats.
        tracks: those found.
    """

    kind: int
    claimed: int
    ticks_per_beat: int | None
    ticks_per_second: Fraction | None
    tracks: tuple[RawTrack, ...]


def parse_midi(data: bytes) -> RawFile:
    """Take a MIDI file apart, bare or wrapped in RIFF (RMID).

    Raises:
        MalformedError: the bytes are no MIDI file, broken, or more than ``MOST_EVENTS``.
    """
    start, stop = _inside_riff(data)
    if data[start : start + 4] != b"MThd":
        raise MalformedError("it is not a MIDI file: it does not begin with “MThd”")
    size = int.from_bytes(data[start + 4 : start + 8], "big")
    if stop < start + 14 or size < 6:
        raise MalformedError("its header is cut off")
    kind, claimed, division = (
        int.from_bytes(data[start + i : start + i + 2], "big") for i in (8, 10, 12)
    )
    if kind > 2:
        raise MalformedError(f"its type must be 0, 1 or 2, got {kind} at byte {start + 8}")
    per_beat, per_second = _division(division, start + 12)
    left = MOST_EVENTS
    tracks: list[RawTrack] = []
    for at, end in _track_chunks(data, start + 8 + size, stop):
        track, n_events = _parse_track(data[at:end], len(tracks) + 1, at, left)
        tracks.append(track)
        left -= n_events
    if not tracks:
        raise MalformedError("it has no tracks")
    return RawFile(kind, claimed, per_beat, per_second, tuple(tracks))


def _inside_riff(data: bytes) -> tuple[int, int]:
    """Return where the MIDI file proper begins and ends."""
    if data[:4] != b"RIFF" or data[8:12] != b"RMID":
        return 0, len(data)
    at = 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] == b"data":
            return at + 8, min(len(data), at + 8 + size)
        at += 8 + size + size % 2
    raise MalformedError("its RIFF wrapping holds no MIDI data")


def _division(division: int, at: int) -> tuple[int | None, Fraction | None]:
    """Return ticks to the beat, or None and ticks to the second."""
    if division < 0x8000:
        if division == 0:
            raise MalformedError(
                f"its division must be 1 or more ticks to the beat, got 0 at byte {at}"
            )
        return division, None
    rate, per_frame = 256 - (division >> 8), division & 0xFF
    if rate not in FRAME_RATES or per_frame == 0:
        raise MalformedError(
            f"its SMPTE division must be 24, 25, 29 or 30 frames a second of 1 or more ticks, "
            f"got {rate} of {per_frame} at byte {at}"
        )
    return None, FRAME_RATES[rate] * per_frame


def _track_chunks(data: bytes, at: int, stop: int) -> Iterator[tuple[int, int]]:
    """Yield where each track's events begin and end; chunks of other kinds are passed over."""
    n_chunks, n_tracks = 1, 0
    while at + 8 <= stop:
        n_chunks += 1
        if n_chunks > MOST_CHUNKS:
            raise MalformedError(f"it has more than {MOST_CHUNKS - 1:,} tracks")
        size = int.from_bytes(data[at + 4 : at + 8], "big")
        begin, at = at + 8, at + 8 + size
        if data[begin - 8 : begin - 4] != b"MTrk":
            continue
        n_tracks += 1
        if at > stop:
            raise MalformedError(
                f"it is cut off in track {n_tracks}, which should have {size} bytes from byte "
                f"{begin} on and has {stop - begin}"
            )
        yield begin, at


def _parse_track(body: bytes, number: int, offset: int, most: int) -> tuple[RawTrack, int]:
    """Return a track and the number of its events; ``offset`` is where it lies in the file."""
    track = RawTrack()
    sounding: dict[tuple[int, int], deque[tuple[int, int]]] = {}
    at = tick = status = n_events = 0
    try:
        while at < len(body):
            n_events += 1
            if n_events > most:
                raise MalformedError(f"it has more than {MOST_EVENTS:,} events")
            delta = body[at]
            at += 1
            if delta > 127:
                delta, at = _quantity(body, at - 1)
            tick += delta
            if body[at] >= 0xF0:
                kind, content, at = _meta_or_sysex(body, at)
                if kind == END_OF_TRACK:
                    break
                _keep_meta(track, tick, kind, content)
                continue
            if body[at] > 127:
                status = body[at]
                at += 1
            elif not status:
                raise MalformedError(f"a data byte {body[at]} stands where an event should begin")
            message, channel, first = status & 0xF0, status & 0x0F, body[at]
            second = 0 if message in (0xC0, 0xD0) else body[at + 1]
            if first > 127 or second > 127:
                raise MalformedError(f"an event has data above 127: {max(first, second)}")
            at += 1 if message in (0xC0, 0xD0) else 2
            if message == 0x90 and second:
                sounding.setdefault((channel, first), deque()).append((tick, second))
            elif message in (0x80, 0x90):
                waiting = sounding.get((channel, first))
                if waiting:  # the first of equal notes to begin is the first to end
                    on, velocity = waiting.popleft()
                    track.notes.setdefault(channel, []).append((on, first, tick, velocity))
            elif message == 0xC0:
                track.programs.setdefault(channel, first)
    except IndexError:
        raise MalformedError(f"track {number} ends in the middle of an event") from None
    except MalformedError as fault:
        raise MalformedError(f"{fault}, in track {number} at byte {offset + at}") from None
    for (channel, pitch), waiting in sounding.items():
        endless = [(on, pitch, None, velocity) for on, velocity in waiting]
        track.notes.setdefault(channel, []).extend(endless)
    track.end = tick
    return track, n_events


def _quantity(body: bytes, at: int) -> tuple[int, int]:
    """Return a variable-length quantity and where it ends."""
    value = 0
    for i in range(at, at + 4):
        value = value << 7 | body[i] & 0x7F
        if body[i] < 128:
            return value, i + 1
    raise MalformedError("a length or time has more than 4 bytes")


def _meta_or_sysex(body: bytes, at: int) -> tuple[int, bytes, int]:
    """Return the kind of a meta event (-1 for system exclusive), its content and where it ends."""
    status = body[at]
    if status not in (0xF0, 0xF7, 0xFF):
        raise MalformedError(f"the event {status:#04x} may not stand in a file")
    kind = body[at + 1] if status == 0xFF else -1
    size, begin = _quantity(body, at + 2 if status == 0xFF else at + 1)
    if begin + size > len(body):
        raise MalformedError(
            f"an event should have {size} bytes and its track has {len(body) - begin} left"
        )
    return kind, body[begin : begin + size], begin + size


def _keep_meta(track: RawTrack, tick: int, kind: int, content: bytes) -> None:
    if kind == TEMPO and len(content) >= 3:
        track.tempi.append((tick, int.from_bytes(content[:3], "big")))
    elif kind == TIME_SIGNATURE and len(content) >= 2:
        track.meters.append((tick, content[0], content[1]))
    elif kind == TRACK_NAME and not track.name:
        track.name = _text(content[:200])


def _text(content: bytes) -> str:
    """Return a name in UTF-8 or, as older programs wrote, Windows' Latin letters."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    return "".join(letter for letter in text if letter.isprintable()).strip()
