"""Pictures and timings of the roll without a window."""

from collections.abc import Iterable

from PySide6.QtCore import QSize
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import PPQ, Meter
from rnnrbm_gui.ui.roll.view import RollView
from rnnrbm_gui.ui.theme import Theme


def render_image(
    score: Score,
    generated: Iterable[Note],
    theme: Theme,
    size: tuple[int, int] = (1600, 900),
    *,
    meter: Meter | None = None,
    ratio: float = 1.0,
) -> QImage:
    """Return the whole of a roll as a picture; a QApplication must exist, on any platform.

    Args:
        score: drawn notes.
        generated: what the model played.
        theme: the colours.
        size: width and height in pixels at ``ratio`` 1.
        meter: where the bars are; 4/4 without.
        ratio: device pixels to a pixel.
    """
    roll = RollView()
    roll.ratio = ratio
    roll.set_theme(theme)
    roll.set_meter(meter or Meter())
    roll.set_following(False)
    notes = sorted(generated)
    roll.set_score(score)
    roll.set_generated(notes, 0)
    roll.set_sounded(max((note.off for note in notes), default=0))
    roll.set_playhead(-PPQ)  # out of the picture
    roll.resize(*size)
    image = QImage(QSize(*size) * ratio, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(ratio)
    roll.render(image)  # sends the resize event first, which fits the notes
    return image


def paint_timings(roll: RollView, n: int, ticks_a_frame: float = 13.0) -> list[float]:
    """Play ``n`` frames on a shown roll and return how long each painting took, milliseconds.

    Each frame moves the playhead as at 100 bpm and 60 frames a second; where the view follows it,
    the pages turned are among the frames.
    """
    roll.paint_ms.clear()
    timings: list[float] = []
    for _ in range(n):
        roll.set_playhead(roll.playhead + ticks_a_frame)
        roll.set_sounded(int(roll.playhead))
        QApplication.processEvents()
        timings.extend(roll.paint_ms)
        roll.paint_ms.clear()
    return timings
