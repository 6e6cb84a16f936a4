"""The inspector with models of every kind: what it says of them and what it lets one choose."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from rnnrbm_gui import paths
from rnnrbm_gui.data.model_file import save_model
from rnnrbm_gui.engine.choices import Sampling
from rnnrbm_gui.engine.engine import Engine
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.roll import Articulation
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import Meter
from rnnrbm_gui.ui.main_window import SMALLEST, MainWindow
from rnnrbm_gui.ui.sampler_panel import ARTICULATION_WORDS, LEARNED, SamplerPanel, about
from tests.small_models import small_file, small_model
from tests.ui.window import until

FILE = Path("a.safetensors")
WORDY = replace(
    small_model().header, memory="sigmoid", frames_per_beat=8, n_hidden=4096, bars="4/4 3/4 6/8"
)


@pytest.mark.parametrize(
    ("which", "words"),
    [
        (("rnn-rbm", "tanh", 1, ""), "RNN-RBM, tanh memory, 12 hidden units, eighth notes"),
        (("rtrbm", "tanh", 1, ""), "RTRBM, 12 hidden units, eighth notes"),
        (("rbm", "tanh", 1, "4/4"), "RBM, 12 hidden units, eighth notes, knows the bar"),
        (
            ("rnn-rbm", "gru", 2, "4/4", "16 32"),
            "RNN-RBM, GRU memory, 12 hidden units, eighth notes, learned articulation, "
            "knows the bar, with echoes",
        ),
    ],
)
def test_a_model_is_told_in_words(which, words):
    assert about(small_model(*which).header) == words


def items(box):
    return [box.itemText(i) for i in range(box.count())]


def test_repeated_notes_are_the_models_where_it_has_learned_them(app):
    panel, chosen = SamplerPanel(), []
    panel.articulation_changed.connect(chosen.append)
    panel.set_articulation(Articulation.HALF_BAR)
    open_tip = panel.articulation.toolTip()
    panel.show_model(FILE, small_model().header)
    assert items(panel.articulation) == [LEARNED] == ["As the model plays"]
    assert not panel.articulation.isEnabled()
    assert "has learned" in panel.articulation.toolTip()
    panel.set_articulation(Articulation.BAR)  # a project that is opened meanwhile
    assert items(panel.articulation) == [LEARNED]
    panel.show_model(FILE, small_model(planes=1).header)
    assert items(panel.articulation) == list(ARTICULATION_WORDS.values())
    assert panel.articulation.isEnabled()
    assert panel.articulation.currentText() == ARTICULATION_WORDS[Articulation.BAR]
    assert panel.articulation.toolTip() == open_tip
    assert chosen == []  # to show is not to choose
    panel.deleteLater()


def test_what_is_said_of_a_model_is_not_clipped_in_the_smallest_window(app):
    window = MainWindow(Engine(audio="null"), remember=False)
    panel, label = window.panel, window.panel.about
    panel.show_model(FILE, WORDY)
    window.resize(SMALLEST)
    window.show()
    app.processEvents()
    assert label.height() >= label.heightForWidth(label.width())
    longest = max(label.text().split(), key=len)
    assert label.fontMetrics().horizontalAdvance(longest) <= label.width()
    assert panel.keep.geometry().bottom() < panel.height()
    window.close()
    window.deleteLater()


def test_in_the_window_the_choice_goes_and_comes_back(opened, tmp_path):
    window = opened()
    window.set_articulation(Articulation.BAR)
    window.load_model(small_file(tmp_path))
    box = window.panel.articulation
    until(lambda: not box.isEnabled(), "the model of chance")
    glow = window.session.glow
    until(lambda: glow and glow[-1].shape == (24,), "its look-ahead")
    assert window.canvas.generated
    assert all(55 <= note.pitch < 55 + 24 for note in window.canvas.generated)
    window.load_model(paths.models() / "jsb-chorales.safetensors")
    until(box.isEnabled, "the chorales")
    until(lambda: glow and glow[-1].shape == (88,), "their look-ahead")
    assert box.currentText() == ARTICULATION_WORDS[Articulation.BAR]
    assert window.articulation is Articulation.BAR


def test_a_model_that_is_chosen_draws_as_it_does_best_and_in_its_metre(opened, tmp_path):
    stored = small_model()
    path, waltz = tmp_path / "mixed.safetensors", tmp_path / "waltz.safetensors"
    save_model(path, stored.model, replace(stored.header, temperature=1.1, gibbs_steps=60))
    save_model(waltz, stored.model, replace(stored.header, meter="3/4"))
    window = opened()
    seed = window.panel.sampling.seed
    window.load_model(path)
    until(lambda: window.panel.sampling == Sampling(seed, 1.1, 60), "the model's own ways")
    window.set_sampling(Sampling(seed, 0.7, 90))
    assert window.panel.sampling == Sampling(seed, 0.7, 90)  # and what is chosen after stays
    window.load_model(waltz)
    until(lambda: window.session.meter == Meter(3, 4), "its metre")
    window.set_meter(Meter(4, 4))
    window.session.commit("Draw", Score.of([Note(on=0, pitch=60, off=480)]))
    window.load_model(path)
    window.load_model(waltz)
    until(lambda: window.model_path == waltz, "the waltz again")
    assert window.session.meter == Meter(4, 4)  # what is drawn stands in its own


def test_a_model_chosen_before_the_first_is_there_draws_in_its_own_ways(app, tmp_path):
    stored = small_model()
    path = tmp_path / "mixed.safetensors"
    save_model(path, stored.model, replace(stored.header, temperature=1.1, gibbs_steps=60))
    window = MainWindow(Engine(audio="null"), remember=False)
    window.show()
    window.take_up()
    window.load_model(path)
    window.start_engine()
    until(lambda: window.model_path == path, "the model")
    sampling = window.panel.sampling
    window.close()
    window.deleteLater()
    assert sampling == Sampling(sampling.seed, 1.1, 60)


def with_tempi(folder, *bpms):
    """Return model files with tempi of their own."""
    stored = small_model()
    paths = [folder / f"{bpm}.safetensors" for bpm in bpms]
    for path, bpm in zip(paths, bpms, strict=True):
        save_model(path, stored.model, replace(stored.header, bpm=bpm))
    return paths


def test_a_model_brings_its_tempo_but_not_where_another_was_set(opened, tmp_path):
    slow, fast, brisk = with_tempi(tmp_path, 63.0, 141.0, 100.0)
    window = opened()

    def chosen(*models, **how):
        for path in models:
            window.load_model(path, **how)
        until(lambda: window.model_path == models[-1], "the model")
        return window.tempo.bpm

    assert [chosen(path) for path in (slow, fast, slow)] == [63, 141, 63]
    assert chosen(fast, brisk) == 100  # one soon after the other
    assert chosen(slow, keep_tempo=True) == 100
    assert chosen(fast) == 141
    assert window.tempo.set_bpm == 0
    for typed in (100, 63.4):  # also where it is like a model's own
        window.transport.bpm.setValue(typed)
        assert [chosen(path) for path in (brisk, slow, fast)] == [typed] * 3
        assert window.tempo.set_bpm == typed


def test_a_tempo_is_a_models_own_also_where_the_first_one_never_came(opened, tmp_path):
    (own,) = with_tempi(tmp_path, 141.0)
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"no model")
    window = opened()
    window.load_model(broken)
    window.load_model(own)  # at once: it is not left waiting behind the broken one
    until(lambda: window.model_path == own, "the model")
    assert window.tempo.bpm == 141
