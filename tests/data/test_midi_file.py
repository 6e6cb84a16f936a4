"""Reading: the forms of a MIDI file byte by byte, and every way in which one can be broken."""

import struct
import time
from fractions import Fraction
from pathlib import Path

import mido
import pytest
import symusic
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnrbm_gui.data.midi_file import MidiSong, MidiTrack, read_midi
from rnnrbm_gui.errors import FileError
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import Meter

END = b"\x00\xff\x2f\x00"
C4_FOR_96 = b"\x00\x90\x3c\x40\x60\x3c\x00"

same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def header(kind: int = 1, n_tracks: int = 1, division: int = 480) -> bytes:
    return b"MThd" + struct.pack(">IHHH", 6, kind, n_tracks, division & 0xFFFF)


def chunk(events: bytes) -> bytes:
    return b"MTrk" + struct.pack(">I", len(events)) + events


PLAIN = header() + chunk(C4_FOR_96 + END)


@pytest.fixture
def read(tmp_path: Path):
    """A function that puts bytes into a file and reads that."""

    def read(content: bytes) -> MidiSong:
        path = tmp_path / "song.mid"
        path.write_bytes(content)
        return read_midi(path)

    return read


# Forms of the same music


def test_running_status_and_velocity_0_as_note_off(read) -> None:
    assert read(PLAIN).score == Score.of([Note(0, 60, 96, 64)])


def test_division_becomes_480_ticks_to_the_beat(read) -> None:
    song = read(header(division=96) + chunk(C4_FOR_96 + END))
    assert song.score == Score.of([Note(0, 60, 480, 64)])


@pytest.mark.parametrize(
    ("rate", "frames_a_second"), [(24, 24), (25, 25), (29, Fraction(30_000, 1001)), (30, 30)]
)
def test_smpte_division_counts_time(read, rate: int, frames_a_second: Fraction) -> None:
    bpm_90 = b"\x00\xff\x51\x03" + (60_000_000 // 90).to_bytes(3, "big")
    song = read(header(division=(256 - rate) << 8 | 8) + chunk(bpm_90 + C4_FOR_96 + END))
    seconds = Fraction(96, 8) / frames_a_second
    assert song.bpm == 90
    assert song.score.notes[0].off == round(seconds * 90 / 60 * 480)


def test_patterns_of_type_2_follow_one_another_from_bar_to_bar(read) -> None:
    three_four = b"\x00\xff\x58\x04\x03\x02\x18\x08"
    song = read(header(2, 2) + chunk(three_four + C4_FOR_96 + END) + chunk(C4_FOR_96 + END))
    assert [note.on for note in song.score] == [0, 3 * 480]
    assert song.remarks == ("The file's 2 patterns follow one another.",)


def test_wrapped_in_riff(read) -> None:
    inner = b"data" + struct.pack("<I", len(PLAIN)) + PLAIN
    odd = b"DISP" + struct.pack("<I", 3) + b"abc\0"
    content = b"RMID" + odd + inner
    song = read(b"RIFF" + struct.pack("<I", len(content)) + content)
    assert song.score == Score.of([Note(0, 60, 96, 64)])


def test_unknown_chunks_and_a_longer_header_are_passed_over(read) -> None:
    longer = b"MThd" + struct.pack(">IHHH", 8, 1, 1, 480) + b"??"
    unknown = b"XFIH" + struct.pack(">I", 4) + b"MTrk"
    assert read(longer + unknown + chunk(C4_FOR_96 + END)).score == read(PLAIN).score


def test_events_after_the_end_of_track_do_not_count(read) -> None:
    assert read(header() + chunk(C4_FOR_96 + END + b"\x00\x90\x40\x40")).score == read(PLAIN).score


def test_a_track_without_its_end_event_is_read(read) -> None:
    assert read(header() + chunk(C4_FOR_96)).score == read(PLAIN).score


def test_system_exclusive_and_controllers_are_passed_over(read) -> None:
    sysex = b"\x00\xf0\x03\x01\x02\xf7"
    others = b"\x00\xb0\x40\x7f\x00\xe0\x00\x40\x00\xd0\x10\x00\xa0\x3c\x10\x00\xc0\x07"
    song = read(header() + chunk(sysex + others + C4_FOR_96 + END))
    assert song.tracks == (MidiTrack("Track 1", read(PLAIN).score, 0, 7),)


def test_channels_of_one_track_become_parts(read) -> None:
    named = b"\x00\xff\x03\x05Organ"
    second = b"\x00\x91\x40\x40\x60\x40\x00"
    song = read(header(0) + chunk(named + C4_FOR_96 + second + END))
    assert [(track.name, track.channel) for track in song.tracks] == [
        ("Organ, channel 1", 0),
        ("Organ, channel 2", 1),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_names_in_utf_8_and_as_older_programs_wrote_them(read, encoding: str) -> None:
    name = "Flöte\0".encode(encoding)
    named = b"\x00\xff\x03" + bytes([len(name)]) + name
    assert read(header() + chunk(named + C4_FOR_96 + END)).tracks[0].name == "Flöte"


def test_of_equal_notes_the_first_to_begin_is_the_first_to_end(read) -> None:
    struck_before_released = b"\x00\x90\x3c\x40\x60\x3c\x50\x00\x3c\x00\x60\x3c\x00"
    song = read(header() + chunk(struck_before_released + END))
    assert song.score == Score.of([Note(0, 60, 96, 64), Note(96, 60, 192, 80)])
    assert song.remarks == ()


# What is not taken over is said


def remarks_of(song: MidiSong) -> str:
    assert len(song.remarks) == 1
    return song.remarks[0]


def test_a_note_without_end_lasts_as_long_as_its_track(read) -> None:
    song = read(header() + chunk(b"\x00\x90\x3c\x40\x60\xb0\x01\x01" + END))
    assert song.score == Score.of([Note(0, 60, 96, 64)])
    assert remarks_of(song) == "Held to the end of the track for want of a note-off: 1 note."


def test_a_note_struck_again_is_cut(read) -> None:
    song = read(header() + chunk(b"\x00\x90\x3c\x40\x60\x3c\x50\x60\x3c\x00\x60\x3c\x00" + END))
    assert song.score == Score.of([Note(0, 60, 96, 64), Note(96, 60, 288, 80)])
    assert remarks_of(song) == "Cut where the next of the same pitch begins: 1 note."


def test_of_notes_in_unison_the_longer_stays(read) -> None:
    longer = b"\x00\x90\x3c\x40\x81\x00\x3c\x00"
    song = read(header(1, 2) + chunk(C4_FOR_96 + END) + chunk(longer + END))
    assert song.score == Score.of([Note(0, 60, 128, 64)])
    assert [len(track.score) for track in song.tracks] == [1, 1]


def test_drums_are_left_out(read) -> None:
    song = read(header() + chunk(C4_FOR_96 + b"\x00\x99\x24\x40\x60\x24\x00" + END))
    assert song.score == read(PLAIN).score
    assert remarks_of(song) == "Left out, being drums on channel 10: 1 note."


def test_the_first_tempo_is_used(read) -> None:
    tempi = b"\x00\xff\x51\x03\x09\x89\x68\x60\xff\x51\x03\x0a\x00\x00"
    song = read(header() + chunk(tempi + C4_FOR_96 + END))
    assert song.bpm == 96
    assert remarks_of(song) == "The tempo changes once; the first, 96 bpm, is used."


def test_a_tempo_out_of_bounds_is_moved_into_them(read) -> None:
    song = read(header() + chunk(b"\x00\xff\x51\x03\x00\x00\x00" + C4_FOR_96 + END))
    assert song.bpm == 300
    assert "must be 20 to 300 bpm" in remarks_of(song)


def test_the_first_meter_is_used_and_the_impossible_passed_over(read) -> None:
    meters = b"".join(
        b"\x00\xff\x58\x04" + bytes([numerator, power]) + b"\x18\x08"
        for numerator, power in [(0, 2), (6, 3), (3, 2), (4, 200)]
    )
    song = read(header() + chunk(meters + C4_FOR_96 + END))
    assert song.meter == Meter(6, 8)
    assert song.remarks == (
        "The time signature 0/2^2 is unknown here and was passed over.",
        "The time signature changes once; the first, 6/8, is used.",
    )


@pytest.mark.parametrize("claimed", [2, 32_767, 65_535])
def test_more_tracks_announced_than_there_are(read, claimed: int) -> None:
    song = read(header(1, claimed) + chunk(C4_FOR_96 + END))
    assert song.score == read(PLAIN).score
    assert remarks_of(song) == f"The file announces {claimed} tracks and has 1."


# Broken files: a sentence, in time

BROKEN = {
    "empty": (b"", "does not begin with “MThd”"),
    "text": (b"Dear diary,\n" * 40, "does not begin with “MThd”"),
    "0xFF": (b"\xff" * 200_000, "does not begin with “MThd”"),
    "0xFF in a track": (header() + chunk(b"\xff" * 200_000), "track 1 at byte 23"),
    "header cut": (PLAIN[:11], "header is cut off"),
    "track cut": (PLAIN[:-3], "should have 11 bytes from byte 22 on and has 8"),
    "event cut": (header() + chunk(C4_FOR_96[:-1]), "track 1 ends in the middle of an event"),
    "type 3": (header(3) + chunk(C4_FOR_96), "got 3 at byte 8"),
    "division 0": (header(division=0) + chunk(C4_FOR_96), "got 0 at byte 12"),
    "SMPTE of 1": (header(division=-1) + chunk(C4_FOR_96), "got 1 of 255 at byte 12"),
    "SMPTE of 0 ticks": (header(division=0xE700) + chunk(C4_FOR_96), "got 25 of 0 at byte 12"),
    "no tracks": (header(n_tracks=0), "no tracks"),
    "no notes": (header() + chunk(END), "no notes"),
    "drums only": (header() + chunk(b"\x00\x99\x24\x40\x60\x24\x00" + END), "drums but no notes"),
    "no status": (header() + chunk(b"\x00\x3c\x40"), "data byte 60 stands where an event"),
    "data above 127": (header() + chunk(b"\x00\x90\x3c\xff"), "data above 127: 255"),
    "realtime": (header() + chunk(b"\x00\xf8"), "0xf8 may not stand in a file, in track 1 at"),
    "long meta": (header() + chunk(b"\x00\xff\x01\x7fabc"), "should have 127 bytes and its track"),
    "long time": (header() + chunk(b"\x80\x80\x80\x80\x00"), "more than 4 bytes"),
    "empty RIFF": (b"RIFF\x04\0\0\0RMID", "holds no MIDI data"),
    "a week": (header(division=1) + chunk(b"\xff\xff\xff\x7f" + C4_FOR_96[1:]), "100,000 beats"),
    "running status": (
        header() + chunk(b"\x00\x90\x3c\x40" + b"\x00\x3c\x40" * 1_700_000),
        "more than 250,000 events",
    ),
    "a million tracks": (header(1, 65_535) + chunk(b"") * 1_000_000, "more than 4,096 tracks"),
    "16 MB": (bytes(16_000_001), "larger than 16 MB"),
}


@pytest.mark.parametrize(("content", "sentence"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_gives_a_sentence_within_a_second(read, content: bytes, sentence: str):
    begin_s = time.process_time()
    with pytest.raises(FileError) as failure:
        read(content)
    assert time.process_time() - begin_s < 1
    text = str(failure.value)
    assert sentence in text
    assert text.startswith("“song.mid” cannot be ")
    assert text.endswith(".")


def test_the_heaviest_file_taken_is_read_in_time(read) -> None:
    def part(channel: int) -> bytes:
        ons = b"".join(bytes([7, 20 + i % 100, 64]) for i in range(15_500))
        return chunk(bytes([0, 0x90 | channel, 60, 64]) + ons)

    begin_s = time.process_time()
    song = read(header(1, 16) + b"".join(part(i % 9) for i in range(16)))
    assert time.process_time() - begin_s < 2.5  # about 0.9 s on a quiet machine
    assert len(song.score) == 15_501


@same_folder
@given(st.binary(max_size=300))
def test_any_bytes_give_a_song_or_a_sentence(tmp_path: Path, body: bytes) -> None:
    check(tmp_path, body)
    check(tmp_path, header() + chunk(body))


LIVELY = (
    header(1, 2, 96)
    + chunk(
        b"\x00\xff\x03\x04Tune\x00\xff\x51\x03\x09\x89\x68\x00\xff\x58\x04\x03\x02\x18\x08" + END
    )
    + chunk(
        b"\x00\xc0\x07\x00\xf0\x02\x01\xf7" + C4_FOR_96 + b"\x81\x00\x99\x24\x40\x10\x24\x00" + END
    )
)


@same_folder
@given(st.data())
def test_any_damage_gives_a_song_or_a_sentence(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(LIVELY)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        length = data.draw(st.integers(0, 3))
        content[at : at + length] = data.draw(st.binary(max_size=3))
    check(tmp_path, bytes(content))


def check(folder: Path, content: bytes) -> None:
    """Only a valid song or a sentence comes out."""
    path = folder / "any.mid"
    path.write_bytes(content)
    sentence = ""
    try:
        song = read_midi(path)
    except FileError as error:
        sentence = str(error)
    if sentence:
        assert sentence.startswith("“any.mid” cannot be read: ")
        assert sentence.endswith(".")
        return
    assert len(song.score) > 0
    assert Score.of(song.score.notes) == song.score
    assert 20 <= song.bpm <= 300
    assert all(remark.endswith(".") for remark in song.remarks)
    assert all(len(track.score) > 0 for track in song.tracks)


events = st.lists(
    st.tuples(st.integers(0, 300), st.integers(60, 63), st.integers(0, 127)), min_size=1
)


@same_folder
@given(events, st.sampled_from([24, 96, 480, 960]))
def test_symusic_finds_the_same_notes(
    tmp_path: Path, events: list[tuple[int, int, int]], division: int
) -> None:
    """Any ons and offs whose notes end, do not overlap and are not empty."""
    track, sounding = mido.MidiTrack(), {}
    for wait, pitch, velocity in [*events, *((1, pitch, 0) for pitch in range(60, 64))]:
        for other in sounding:
            sounding[other] += wait
        if velocity and pitch in sounding:
            velocity = 0
        if not velocity and sounding.pop(pitch, None) == 0:
            wait += 1
        elif velocity:
            sounding[pitch] = 0
        track.append(mido.Message("note_on", note=pitch, velocity=velocity, time=wait))
    path = tmp_path / "song.mid"
    mido.MidiFile(tracks=[track], ticks_per_beat=division).save(path)
    theirs = symusic.Score.from_midi(path.read_bytes())
    expected = sorted((n.start, n.pitch, n.end, n.velocity) for t in theirs.tracks for n in t.notes)
    if not expected:
        with pytest.raises(FileError, match="no notes"):
            read_midi(path)
        return
    ours = read_midi(path).score
    rounded = [
        (round_half_up(on, division), pitch, round_half_up(off, division), velocity)
        for on, pitch, off, velocity in expected
    ]
    assert [(n.on, n.pitch, n.off, n.velocity) for n in ours] == sorted(
        (on, pitch, max(off, on + 1), velocity) for on, pitch, off, velocity in rounded
    )


def round_half_up(tick: int, division: int) -> int:
    return int(Fraction(tick * 480, division) + Fraction(1, 2))
