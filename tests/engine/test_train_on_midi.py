"""From a musician's folder to a model, with a word about every file."""

from pathlib import Path

from rnnrbm_gui.data.midi_file import MidiTrack, write_midi
from rnnrbm_gui.engine import training_run
from rnnrbm_gui.engine.training_events import Plan, Remark, Trained
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import PPQ, Meter


def test_a_folder_of_midi_is_trained_on_and_each_file_told_first(tmp_path: Path) -> None:
    folder = tmp_path / "My tunes"
    folder.mkdir()
    for i in range(4):
        notes = [Note(n * PPQ, 60 + i + n % 5, (n + 1) * PPQ) for n in range(24)]
        write_midi(folder / f"{i}.mid", [MidiTrack("", Score.of(notes))], bpm=90.0, meter=Meter())
    (folder / "broken.mid").write_bytes(b"")
    out = tmp_path / "mine.safetensors"
    plan = Plan(folder, out, updates=20, n_hidden=4, n_recurrent=3)
    events = list(training_run.run(plan))
    said = [event.words for event in events if isinstance(event, Remark)]
    assert out.exists()
    last = events[-1]
    assert isinstance(last, Trained)
    assert last.header.name == "My tunes"
    assert last.header.figures["valid_n_frames"] == 24
    assert said[0].startswith("4 of 5 MIDI files were kept (3 for train, 1 for valid)")
    assert said[5].startswith("“broken.mid” was left out")
    assert said[6] == "Training on 3 pieces, 72 frames of My tunes."
