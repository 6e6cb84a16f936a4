"""What is opened, saved, kept and put back, in the whole window."""

import json

import mido
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from rnnrbm_gui import paths
from rnnrbm_gui.data.midi_file import MidiTrack, write_midi
from rnnrbm_gui.data.project_file import load_project
from rnnrbm_gui.engine.choices import Mode
from rnnrbm_gui.engine.engine import Engine
from rnnrbm_gui.engine.timeline import Loop
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.roll import Articulation
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import Meter
from rnnrbm_gui.ui.files import last_path
from rnnrbm_gui.ui.main_window import HINT, MainWindow
from rnnrbm_gui.ui.settings import Settings, load_settings, settings_path
from rnnrbm_gui.ui.theme import LIGHT
from tests.ui.window import MELODY, until

pytestmark = pytest.mark.usefixtures("own_folders")


def test_the_roll_and_the_knobs_are_there_at_the_next_start(opened):
    window = opened()
    window.session.commit("Draw", MELODY)
    window.set_mode(Mode.CONTINUE)
    window.tempo.set(300)
    window.panel.temperature.slider.setValue(120)
    window.choose_theme("light")
    window.toggle_play()
    until(lambda: window.session.sounded > 6 * 480 + 960, "the passage and two beats")
    window.engine.stop()
    until(lambda: not window.engine.playing, "the stop")
    played = [note for note in window.session.heard()[0] if note.on < 8 * 480]
    assert played
    window.close()
    again = opened()
    until(lambda: again.session.score == MELODY, "the drawn notes")
    until(lambda: again.session.sounded > 6 * 480, "what had been played")
    assert [n for n in again.canvas.generated if n.on < 8 * 480] == played
    assert again.mode is Mode.CONTINUE
    assert again.tempo.bpm == 300
    assert again.panel.sampling.temperature == 1.2
    assert again.canvas.theme == LIGHT


def test_a_crash_loses_nothing(opened):
    window = opened()
    window.session.commit("Draw", MELODY)
    window.files._save_running()
    # What a killed app leaves behind: its autosave, under the name of a process that is gone.
    left = window.files.autosave_path.with_name("running-gone.rnnrbm")
    window.files.autosave_path.rename(left)
    window.session.commit("New roll", Score())
    window.close()
    last_path().unlink(missing_ok=True)
    again = opened()
    until(lambda: again.session.score == MELODY, "the recovered notes")
    assert "is back" in again.messages.sentence
    assert not left.exists()


def test_open_and_save_midi(opened, tmp_path):
    window = opened()
    source = tmp_path / "seed.mid"
    window.session.commit("Draw", MELODY)
    window.tempo.set(96)
    window.set_meter(Meter(3, 4))
    window.files.save(source)
    assert "Saved 6 drawn and" in window.messages.sentence
    file = mido.MidiFile(source)
    assert [track.name for track in file.tracks] == ["seed", "Drawn", "Generated"]
    [tempo] = [m.tempo for track in file.tracks for m in track if m.type == "set_tempo"]
    assert round(mido.tempo2bpm(tempo)) == 96
    window.files.new()
    window.set_meter(Meter())
    window.files.open(source)
    until(lambda: len(window.session.score) >= 6, "the opened notes")
    assert set(MELODY.notes) <= set(window.session.score.notes)
    assert window.session.meter == Meter(3, 4)
    assert window.transport.meter.currentText() == "3/4"


def test_a_broken_file_is_a_sentence_not_a_crash(opened, tmp_path):
    window = opened()
    bad = tmp_path / "bad.mid"
    bad.write_bytes(b"MThd but no more")
    window.files.open(bad)
    until(lambda: "bad.mid" in window.messages.sentence, "the sentence")
    assert not len(window.session.score)
    window.files.save(tmp_path / "no such folder" / "x.mid")
    assert "x.mid" in window.messages.sentence


def test_keep_makes_played_notes_mine_and_undo_gives_them_back(opened):
    window = opened()
    window.keep()
    assert "Nothing to keep" in window.status.words
    window.tempo.set(300)
    window.toggle_play()
    until(lambda: window.session.sounded > 1920, "a bar of music")
    window.toggle_play()
    until(lambda: not window.engine.playing, "the pause")
    played = window.session.heard()[0]
    window.keep()
    assert len(window.session.score) >= len(played) - 4
    assert window.mode is Mode.CONTINUE
    window.steps.undo()
    assert not len(window.session.score)
    assert window.mode is Mode.HARMONISE
    window.steps.redo()
    assert window.mode is Mode.CONTINUE


@pytest.mark.parametrize(
    "broken",
    [
        *("", "{", "[]", '{"bpm": "fast", "mode": "Dance", "seed": -4, "output": [1]}'),
        '{"output": ["alsa", "\\udce9"], "theme": "\\udce9"}',  # half a character
    ],
)
def test_broken_settings_fall_back_to_the_defaults(broken):
    settings_path().parent.mkdir(parents=True)
    settings_path().write_text(broken, "utf-8")
    loaded = load_settings()
    assert loaded.mode == Settings().mode
    assert loaded.bpm == 0.0
    assert loaded.output == ("", "")
    assert loaded.theme == "system"
    assert loaded.sampling() == Settings().sampling()


def test_settings_know_every_articulation():
    settings_path().parent.mkdir(parents=True)
    for articulation in Articulation:
        settings_path().write_text(json.dumps({"articulation": articulation.value}), "utf-8")
        assert load_settings().articulation == articulation.value


def test_undo_of_keep_gives_the_take_and_the_mode_back(opened):
    window = opened()
    window.tempo.set(300)
    window.toggle_play()
    until(lambda: window.session.sounded > 1920, "a bar of music")
    window.engine.stop()
    until(lambda: not window.engine.playing, "the stop")
    heard = window.session.heard()
    window.keep()
    QTest.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert window.mode is Mode.HARMONISE
    assert window.session.heard() == heard  # at once, should one leave now
    until(lambda: window.session._recalled is None, "what was played")
    assert window.session.heard() == heard


def played_at_300(window, ticks):
    """Let the music play until so much has sounded in all; return what was heard."""
    window.tempo.set(300)
    window.toggle_play()
    until(lambda: window.session.sounded > ticks, "music")
    window.toggle_play()
    until(lambda: not window.engine.playing, "the pause")
    return window.session.heard()


def test_undo_of_keep_leaves_what_has_sounded_since_as_it_sounded(opened):
    window = opened()
    first = played_at_300(window, 1920)
    window.keep()
    later = played_at_300(window, 5760)
    assert later.end > first.end
    window.steps.undo()
    until(lambda: window.session._recalled is None, "all that has sounded")
    since = tuple(note for note in later.notes if note.on >= first.end)
    assert window.session.heard() == (first.notes + since, later.n_frames, 480)


@pytest.mark.parametrize("drawn", [MELODY, Score()])
def test_undo_of_a_new_roll_gives_back_what_was_drawn_and_what_was_played(opened, drawn):
    window = opened()
    window.session.commit("Draw", drawn)
    heard = played_at_300(window, 1920)
    window.set_loop((1920, 3840))
    window.files.new()
    until(lambda: not window.session.sounded, "the new roll")
    assert not len(window.session.score)
    assert window.loop is None
    assert "New roll" in window.status.words
    window.steps.undo()
    assert window.loop == Loop(1920, 3840)
    assert window.session.heard() == heard
    until(lambda: window.session._recalled is None, "what was played")
    assert window.session.heard() == heard
    assert window.session.score == drawn
    window.steps.redo()
    until(lambda: not window.session.sounded, "the new roll again")
    assert not len(window.session.score)


def test_what_was_played_comes_back_in_the_frames_of_another_model(opened):
    window = opened()
    heard = played_at_300(window, 1920)
    window.files.new()
    sixteenths = paths.models() / "jsb-sixteenths.safetensors"
    window.load_model(sixteenths)
    until(lambda: window.model_path == sixteenths, "the sixteenths")
    window.steps.undo()
    until(lambda: window.session._recalled is None, "what was played")
    now = window.session.heard()
    assert now.frame_ticks == heard.frame_ticks // 4
    assert now.end == heard.end
    assert {(n.on, n.pitch) for n in now.notes} == {(n.on, n.pitch) for n in heard.notes}


def test_undo_of_a_file_takes_its_tempo_and_metre_back(opened, tmp_path):
    window = opened()
    until(lambda: window.tempo.bpm == 72, "the model's own tempo")
    path = tmp_path / "a.mid"
    write_midi(path, [MidiTrack("x", MELODY)], bpm=99, meter=Meter(6, 8))
    window.files.open(path)
    until(lambda: window.session.score == MELODY, "its notes")

    def state():
        return window.tempo.bpm, window.tempo.set_bpm, window.session.meter

    assert state() == (99, 99, Meter(6, 8))
    window.steps.undo()
    assert state() == (72, 0, Meter(4, 4))
    assert not window.messages.isVisible()
    window.steps.redo()
    assert state() == (99, 99, Meter(6, 8))


def test_leaving_before_the_model_has_loaded_loses_nothing(opened):
    window = opened()
    window.tempo.set(300)
    window.toggle_play()
    until(lambda: window.session.sounded > 1920, "a bar of music")
    window.close()
    kept = load_project(last_path())
    assert len(kept.generated)
    early = MainWindow(Engine(audio="null"))
    early.show()
    early.take_up()
    early.start_engine()
    early.close()
    assert load_project(last_path()).generated == kept.generated


def test_leaving_before_the_engine_has_started_loses_nothing(opened):
    window = opened()
    window.session.commit("Draw", MELODY)
    window.tempo.set(97)
    window.close()
    kept, settings = last_path().read_bytes(), load_settings()
    early = MainWindow(Engine(audio="null"))
    early.show()
    early.close()
    assert last_path().read_bytes() == kept
    assert load_settings() == settings


def test_what_is_done_before_the_engine_has_started_stays(opened):
    window = opened()
    window.session.commit("Draw", MELODY)
    window.close()
    early = MainWindow(Engine(audio="null"))
    early.show()
    early.take_up()
    assert early.session.score == MELODY
    more = MELODY.added(Note(9600, 72, 9840))
    early.session.commit("Draw", more)
    early.tempo.set(55)
    early.toggle_play()
    early.start_engine()
    until(lambda: early.session.sounded, "music")
    assert early.session.score == more
    assert early.tempo.bpm == 55
    assert early.session.undo_name == "Draw"
    early.close()


def test_a_crash_in_many_instances_deletes_none_of_their_rolls(opened):
    window = opened()
    window.session.commit("Draw", MELODY)
    window.files._save_running()
    folder = window.files.autosave_path.parent
    for name in ("running-a.rnnrbm", "running-b.rnnrbm"):
        (folder / name).write_bytes(window.files.autosave_path.read_bytes())
    (folder / "running-c.rnnrbm").write_bytes(b"half a fi")
    window.close()
    again = opened()
    until(lambda: again.session.score == MELODY, "one of them")
    left = {path.name for path in folder.glob("running-*.rnnrbm")}
    assert {"running-c.rnnrbm", again.files.autosave_path.name} <= left
    assert len(left & {"running-a.rnnrbm", "running-b.rnnrbm"}) == 1


def test_a_new_roll_is_empty_and_tells_what_to_do(opened):
    window = opened()
    window.tempo.set(300)
    window.session.commit("Draw", MELODY)
    window.toggle_play()
    until(lambda: window.session.sounded > 1920, "a bar of music")
    window.files.new()
    until(lambda: window.canvas._hint == HINT and not window.session.sounded, "the hint")
    assert not len(window.session.score)


def test_two_files_opened_in_a_row_are_both_read(opened, tmp_path):
    window = opened()
    for name, pitch in (("a.mid", 60), ("b.mid", 64)):
        score = Score.of([Note(0, pitch, 480)])
        write_midi(tmp_path / name, [MidiTrack("x", score)], bpm=92.6, meter=Meter())
        window.files.open(tmp_path / name)
    until(lambda: not window.files._reading, "both files")
    assert not window.files._poll.isActive()
    assert [note.pitch for note in window.session.score] in ([60], [64])
    assert window.tempo.bpm == pytest.approx(92.6, abs=0.01)
