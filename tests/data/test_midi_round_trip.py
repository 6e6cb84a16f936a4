"""Writing: what comes back, and what mido and symusic find in it."""

from pathlib import Path

import mido
import pytest
import symusic
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnrbm_gui.data.midi_file import MidiTrack, read_midi, write_midi
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import Meter

same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

scores = st.lists(
    st.builds(
        lambda on, duration, pitch, velocity: Note(on, pitch, on + duration, velocity),
        st.integers(0, 20_000),
        st.integers(1, 3_000),
        st.integers(0, 127),
        st.integers(1, 127),
    ),
    min_size=1,
    max_size=40,
).map(Score.of)
meters = st.builds(Meter, st.integers(1, 32), st.sampled_from([1, 2, 4, 8, 16, 32]))
bpms = st.integers(2_000, 30_000).map(lambda hundredths: hundredths / 100)


@same_folder
@given(scores, scores, bpms, meters)
def test_what_is_written_is_read_again(
    tmp_path: Path, drawn: Score, generated: Score, bpm: float, meter: Meter
) -> None:
    tracks = (MidiTrack("Drawn", drawn), MidiTrack("Erzeugt ♪", generated, 1, 79))
    path = tmp_path / "song.mid"
    write_midi(path, tracks, bpm=bpm, meter=meter, title="Übung")
    song = read_midi(path)
    assert song.tracks == tracks
    assert (song.bpm, song.meter) == (bpm, meter)
    everything = Score.of([*drawn, *generated])
    assert {note.pitch for note in song.score} == {note.pitch for note in everything}
    assert song.remarks == () or "same pitch" in song.remarks[0]


@same_folder
@given(scores, bpms, meters)
def test_mido_reads_what_is_written(tmp_path: Path, score: Score, bpm: float, meter: Meter) -> None:
    path = tmp_path / "song.mid"
    write_midi(path, [MidiTrack("Drawn", score, 2, 19)], bpm=bpm, meter=meter, title="Tune")
    file = mido.MidiFile(path, clip=False, charset="utf-8")
    conductor, track = file.tracks
    assert (file.type, file.ticks_per_beat) == (1, 480)
    assert (conductor.name, track.name) == ("Tune", "Drawn")
    found = {message.type: message for message in conductor}
    assert mido.tempo2bpm(found["set_tempo"].tempo) == pytest.approx(bpm, abs=0.002)
    signature = found["time_signature"]
    assert (signature.numerator, signature.denominator) == (meter.numerator, meter.denominator)
    assert conductor[-1].type == track[-1].type == "end_of_track"
    sounding: dict[int, tuple[int, int]] = {}
    notes, tick = [], 0
    for message in track:
        tick += message.time
        if message.type == "note_on":
            assert message.note not in sounding, "an on before the off of the same tick"
            sounding[message.note] = (tick, message.velocity)
        elif message.type == "note_off":
            on, velocity = sounding.pop(message.note)
            notes.append(Note(on, message.note, tick, velocity))
    assert not sounding
    assert tuple(sorted(notes)) == score.notes
    assert {m.channel for m in track if not m.is_meta} == {2}
    assert [m.program for m in track if m.type == "program_change"] == [19]


@same_folder
@given(scores, bpms, meters)
def test_symusic_reads_what_is_written(
    tmp_path: Path, score: Score, bpm: float, meter: Meter
) -> None:
    path = tmp_path / "song.mid"
    write_midi(path, [MidiTrack("Drawn", score)], bpm=bpm, meter=meter)
    file = symusic.Score.from_midi(path.read_bytes())
    (track,) = file.tracks
    assert (file.tpq, track.name) == (480, "Drawn")
    assert file.tempos[0].qpm == pytest.approx(bpm, abs=0.002)
    signature = file.time_signatures[0]
    assert (signature.numerator, signature.denominator) == (meter.numerator, meter.denominator)
    notes = [Note(n.start, n.pitch, n.start + n.duration, n.velocity) for n in track.notes]
    assert tuple(sorted(notes)) == score.notes


def test_a_name_that_is_no_text_is_written(tmp_path: Path) -> None:
    path = tmp_path / "song.mid"
    tracks = [MidiTrack("Drawn", Score.of([Note(0, 60, 96)]))]
    write_midi(path, tracks, bpm=120, meter=Meter(), title="tune\udcff")
    assert mido.MidiFile(path).tracks[0].name == "tune?"
