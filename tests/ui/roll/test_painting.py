"""What the roll looks like: read back from its pixels."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QRegion
from PySide6.QtTest import QTest

from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import PPQ
from rnnrbm_gui.ui.roll.canvas import RollCanvas
from rnnrbm_gui.ui.roll.forms import Forms, Kind
from rnnrbm_gui.ui.roll.layers import KEYBOARD, RULER
from rnnrbm_gui.ui.roll.picture import paint_timings, render_image
from rnnrbm_gui.ui.roll.track import columns
from rnnrbm_gui.ui.roll.viewport import Viewport
from rnnrbm_gui.ui.theme import DARK, LIGHT

BOTH = pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)


@pytest.fixture
def roll(app):
    roll = RollCanvas()
    roll.resize(900, 500)
    roll.set_legend(False)
    roll.show()
    app.processEvents()
    yield roll
    roll.close()
    roll.deleteLater()


def pixel(roll, image, tick, pitch, dx=0):
    x = KEYBOARD + roll.view.column(tick) + dx
    y = RULER + roll.view.y_of(pitch) + roll.view.key_height // 2 - 3
    return image.pixelColor(QPoint(x, y)).name()


def pixels(image: QImage) -> np.ndarray:
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    return np.array(image.constBits()).reshape(image.height(), image.width(), 4)[:, :, :3]


@BOTH
def test_the_three_kinds_have_their_colours(roll, theme):
    roll.set_theme(theme)
    roll.set_score(Score.of([Note(0, 60, PPQ)]))
    roll.set_generated([Note(0, 64, PPQ), Note(4 * PPQ, 64, 5 * PPQ)], 0)
    roll.set_sounded(2 * PPQ)
    roll.set_playhead(10 * PPQ)
    image = roll.grab().toImage()
    assert pixel(roll, image, PPQ, 60, -6) == theme.warm
    assert pixel(roll, image, 0, 60, 1) == theme.warm_edge
    assert pixel(roll, image, PPQ // 2, 64) == theme.cool
    coming = QColor(pixel(roll, image, 4 * PPQ + PPQ // 2, 64))
    assert coming.name() not in (theme.cool, theme.row_white)
    roll.set_sounded(5 * PPQ)
    assert pixel(roll, roll.grab().toImage(), 4 * PPQ + PPQ // 2, 64) == theme.cool


@BOTH
def test_the_forms_survive_greyscale(app, theme):
    """Blot the colours out: what is left of the three kinds still differs clearly."""
    grey = []
    for kind in (Kind.DRAWN, Kind.PLAYED, Kind.COMING, Kind.SELECTED):
        image = QImage(60, 14, QImage.Format.Format_RGB32)
        image.fill(QColor(theme.row_white))
        painter = QPainter(image)
        Forms(theme, 16, 1.0).paint_one(painter, kind, QRect(2, 0, 54, 14), None)
        painter.end()
        levels = pixels(image).astype(float) @ np.array([0.11, 0.59, 0.30])
        # take the mean and the scale out: only the form is compared, not how light it is
        levels -= levels.mean()
        grey.append(levels / np.abs(levels).max())
    for i in range(4):
        for j in range(i):
            assert (np.abs(grey[i] - grey[j]) > 0.2).mean() > 0.05, (i, j)


@BOTH
def test_what_is_painted_in_parts_is_what_is_painted_whole(roll, app, theme):
    """Loop, strips, legend, playhead and glints included, whichever part is asked for."""
    roll.set_theme(theme)
    roll.set_score(Score.of([Note(PPQ, 60, 3 * PPQ)]))
    roll.set_generated([Note(0, 64, 2 * PPQ), Note(3 * PPQ, 64, 5 * PPQ)], 0)
    roll.set_loop((PPQ, 4 * PPQ))
    roll.set_passage((PPQ, 3 * PPQ))
    roll.set_available(30 * PPQ)
    roll.set_sounded(2 * PPQ)
    roll.set_playhead(1.5 * PPQ)
    roll.set_sounding(frozenset({60, 64}))
    bare = pixels(roll.grab().toImage())
    roll.set_legend(True)
    app.processEvents()
    image = roll.grab().toImage()
    whole = pixels(image)
    assert (whole != bare)[-60:, -500:].any()
    foot = image.pixelColor(KEYBOARD + roll.view.column(2 * PPQ), RULER - 2)
    assert foot.name() == theme.muted  # of the loop
    part = QImage(image.size(), QImage.Format.Format_RGB32)
    part.fill(QColor("#ff00ff"))
    painter = QPainter(part)
    for left in range(0, 900, 150):
        for top in range(0, 500, 100):
            box = QRect(left, top, 150, 100)
            roll.render(painter, box.topLeft(), QRegion(box))
    painter.end()
    np.testing.assert_array_equal(pixels(part), whole)


def test_incremental_painting_equals_painting_anew(roll, app):
    """Whatever dirty columns were painted in whatever order, the picture is the same."""
    rng = np.random.default_rng(5)
    roll.set_following(False)
    roll.set_legend(True)
    score, glow = Score(), ()
    for i in range(109):
        on = int(rng.integers(0, 30)) * 240
        match i % 10:
            case 0:
                note = Note(on, int(rng.integers(50, 76)), on + int(rng.integers(1, 5)) * 240)
                score = score.added(note)
                roll.set_score(score)
            case 1:
                tail = [Note(on + k * 240, 48 + k, on + k * 240 + 240) for k in range(6)]
                roll.set_generated(tail, on)
            case 2:
                roll.set_sounded(on)
            case 3:
                roll.set_playhead(float(on))
            case 4:
                glow = (on, 480, 40, rng.random((6, 40), np.float32))
                roll.set_glow(*glow)
            case 5:
                roll.select(frozenset(score.notes[:2]))
                score = score.without(score.notes[3:4])
                roll.set_score(score)
            case 6:
                loop = (on, on + 1920)
                roll.set_loop(loop)
            case 7:
                passage = (on, on + 960)
                roll.set_passage(passage)
            case 8:
                roll.set_available(on + 960)
            case 9:
                theme = (DARK, LIGHT)[i // 10 % 2]
                roll.set_theme(theme)
        app.processEvents()
    little_by_little = pixels(roll.grab().toImage())
    anew = RollCanvas()
    anew.resize(roll.size())
    anew.set_theme(theme)
    anew.show()
    app.processEvents()  # it has its size from here on
    anew.set_following(False)
    anew.set_view(roll.view)
    anew.set_score(score)
    anew.set_generated(roll.generated, 0)
    anew.set_sounded(roll._sounded)
    anew.set_available(roll._available)
    anew.set_playhead(roll.playhead)
    anew.set_glow(*glow)
    anew.select(roll.selection)
    anew.set_loop(loop)
    anew.set_passage(passage)
    np.testing.assert_array_equal(pixels(anew.grab().toImage()), little_by_little)
    anew.close()
    anew.deleteLater()


def test_bars_cover_what_sprites_cover(app):
    """The cheap form of very many notes shows the same notes in the same places."""
    view = Viewport(width=400, height=200, key_height=10, beat_width=40, top=450, left=100)
    low, high = view.pitches
    rng = np.random.default_rng(3)
    notes = [
        Note(int(on), int(rng.integers(low, high + 1)), int(on) + int(rng.integers(100, 900)))
        for on in rng.integers(0, 6000, 40)
    ]
    covered = []
    for bars in (False, True):
        image = QImage(400, 200, QImage.Format.Format_ARGB32_Premultiplied)
        image.fill(0)
        painter = QPainter(image)
        forms = Forms(DARK, 10, 1.0)
        if bars:
            forms.paint_bars(painter, view, [(Kind.DRAWN, columns(notes))])
        else:
            forms.paint(painter, view, Kind.DRAWN, columns(notes))
        painter.end()
        alpha = np.array(image.constBits()).reshape(200, 400, 4)[:, :, 3] > 0
        covered.append(alpha[5::10])  # the middle of every row
    assert np.array_equal(covered[0], covered[1])


def test_sounding_keys_light_up_warm_where_a_drawn_note_sounds(roll):
    roll.set_score(Score.of([Note(0, 60, PPQ)]))
    roll.set_playhead(100.0)
    roll.set_sounding(frozenset({60, 64}))
    image = roll.grab().toImage()
    y = {p: RULER + roll.view.y_of(p) + roll.view.key_height // 2 for p in (60, 62, 64)}
    assert image.pixelColor(10, y[60]).name() == DARK.warm
    assert image.pixelColor(10, y[64]).name() == DARK.cool
    assert image.pixelColor(10, y[62]).name() == DARK.key_white
    roll.set_sounding(frozenset())
    assert roll.grab().toImage().pixelColor(10, y[60]).name() == DARK.key_white


def test_what_has_sounded_glows_no_more(roll):
    roll.set_glow(0, PPQ, 50, np.ones((4, 3), np.float32))
    roll.set_sounded(2 * PPQ)
    from_tick, _, _, probabilities = roll._glow
    assert (from_tick, len(probabilities)) == (2 * PPQ, 2)
    roll.set_sounded(9 * PPQ)
    assert not len(roll._glow.probabilities)


def test_likely_keys_glow_and_others_do_not(roll):
    dark = roll.grab().toImage()
    probabilities = np.zeros((4, 30), np.float32)
    probabilities[2, 10] = 0.9
    roll.set_glow(8 * PPQ, PPQ, 50, probabilities)
    glowing = roll.grab().toImage()
    inside = pixel(roll, glowing, 10 * PPQ + PPQ // 2, 60)
    assert inside != pixel(roll, dark, 10 * PPQ + PPQ // 2, 60)
    assert QColor(inside).red() > QColor(inside).blue() + 20
    for beat, pitch in ((9, 60), (10, 61), (10, 59), (11, 60)):
        tick = beat * PPQ + PPQ // 2
        assert pixel(roll, glowing, tick, pitch) == pixel(roll, dark, tick, pitch)


def test_the_hint_goes_when_there_is_a_note(roll):
    bare = pixels(roll.grab().toImage())
    roll.set_empty_hint("Draw a melody here\nthen press Space")
    hinted = pixels(roll.grab().toImage())
    assert not np.array_equal(bare, hinted)
    roll.set_score(Score.of([Note(0, 100, PPQ)]))
    roll.set_score(Score())
    roll.set_empty_hint(None)
    assert np.array_equal(bare, pixels(roll.grab().toImage()))


def test_keys_beyond_the_model_are_shaded(roll):
    roll.set_model_range(60, 127)
    image = roll.grab().toImage()
    assert pixel(roll, image, PPQ // 2, 59) == DARK.row_beyond
    assert pixel(roll, image, PPQ // 2, 60) == DARK.row_white


@BOTH
@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0])
def test_a_picture_without_a_window(app, theme, ratio):
    score = Score.of([Note(0, 60, 4 * PPQ)])
    image = render_image(score, [Note(4 * PPQ, 64, 16 * PPQ)], theme, (800, 450), ratio=ratio)
    assert (image.width(), image.height()) == (800 * ratio, 450 * ratio)
    found = {
        QColor(*map(int, c[::-1])).name() for c in np.unique(pixels(image).reshape(-1, 3), axis=0)
    }
    assert {theme.warm, theme.cool, theme.key_white, theme.row_white} <= found


def test_pixmaps_have_the_pixels_of_the_screen(roll):
    roll.ratio = 2.0
    roll.repaint()
    assert roll._backdrop.roll.devicePixelRatio() == 2.0
    assert roll._backdrop.roll.width() == 2 * roll.view.width


def test_ten_thousand_notes_while_playing(roll):
    """The goal is a p99 under 8 ms; a loaded test machine is given five times that."""
    notes = []
    for voice in range(10):
        notes.extend(Note(i * 240, 36 + 4 * voice + i % 4, i * 240 + 230) for i in range(1000))
    roll.resize(1600, 900)
    roll.set_score(Score.of(notes[:5000]))
    roll.set_generated(notes[5000:], 0)
    roll.fit()
    timings = sorted(paint_timings(roll, 300))
    assert len(timings) >= 200
    assert timings[len(timings) // 2] < 8
    assert timings[int(len(timings) * 0.99)] < 40


def test_the_widget_has_a_name_and_says_how_to_use_it(roll):
    assert roll.accessibleName() == "Piano roll"
    assert "Insert" in roll.accessibleDescription()


def test_notes_that_sound_stand_out(roll):
    roll.set_generated([Note(0, 60, 4 * PPQ), Note(0, 64, 4 * PPQ)], 0)
    roll.set_sounded(PPQ)
    roll.set_playhead(float(PPQ))
    roll.set_sounding(frozenset({60}))
    image = roll.grab().toImage()
    quiet = pixel(roll, image, 3 * PPQ, 64)
    assert quiet == DARK.cool
    assert QColor(pixel(roll, image, 3 * PPQ, 60)).lightness() > QColor(quiet).lightness()
    roll.set_playhead(5.0 * PPQ)  # past its end, though its key may still be held
    assert pixel(roll, roll.grab().toImage(), 3 * PPQ, 60) == DARK.cool


def test_a_sounding_note_in_the_hand_leaves_its_place(roll):
    roll.set_score(Score.of([Note(0, 60, 4 * PPQ)]))
    roll.set_playhead(float(PPQ))
    empty = pixel(roll, roll.grab().toImage(), 6 * PPQ, 60, 5)
    roll.set_sounding(frozenset({60}))
    place = QPoint(KEYBOARD + roll.view.column(2 * PPQ), RULER + roll.view.y_of(60) + 4)
    QTest.mousePress(roll, Qt.MouseButton.LeftButton, pos=place)
    QTest.mouseMove(roll, place - QPoint(0, 3 * roll.view.key_height))
    roll.set_sounding(frozenset({60, 63}))
    assert pixel(roll, roll.grab().toImage(), 3 * PPQ, 60, 5) == empty
    QTest.keyClick(roll, Qt.Key.Key_Escape)
    assert pixel(roll, roll.grab().toImage(), 3 * PPQ, 60, 5) != empty


def test_the_draw_tool_shows_where_a_note_would_come(roll):
    from_above = pixels(roll.grab().toImage())
    place = QPoint(KEYBOARD + roll.view.column(2.5 * PPQ), RULER + roll.view.y_of(60) + 4)
    QTest.mouseMove(roll, place)
    assert pixel(roll, roll.grab().toImage(), 2 * PPQ, 60, 4) != DARK.row_white
    assert pixel(roll, roll.grab().toImage(), 3 * PPQ, 60, 4) == DARK.row_white
    roll.set_tool("select")
    QTest.mouseMove(roll, QPoint(10, 10))
    roll.set_tool("draw")
    assert np.array_equal(from_above, pixels(roll.grab().toImage()))
