"""The still picture under everything that moves, kept as two pixmaps.

The ground (rows, grid, ruler) is painted when the view changes; the roll (ground, glow, notes) is
painted anew only in its dirty columns. A frame while playing is then a copy and a few strips.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QPainter, QPixmap

from rnnrbm_gui.music.timing import Meter
from rnnrbm_gui.ui.roll import layers
from rnnrbm_gui.ui.roll.forms import Batches, Forms
from rnnrbm_gui.ui.roll.layers import KEYBOARD, RULER
from rnnrbm_gui.ui.roll.viewport import Viewport
from rnnrbm_gui.ui.theme import Theme

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Glow(NamedTuple):
    """How likely each key is, frame by frame.

    Attributes:
        from_tick: where the first frame begins.
        frame_ticks: ticks of a frame.
        low: pitch of the first key.
        probabilities: (n_frames, n_keys), 0..1.
    """

    from_tick: int
    frame_ticks: int
    low: int
    probabilities: NDArray

    @property
    def end(self) -> int:
        """Tick at which the last frame ends."""
        return self.from_tick + len(self.probabilities) * self.frame_ticks

    def starting(self, tick: int) -> Glow:
        """Return it without the frames that begin before a tick."""
        n = min(len(self.probabilities), -(-(tick - self.from_tick) // self.frame_ticks))
        from_tick = self.from_tick + n * self.frame_ticks
        return self._replace(from_tick=from_tick, probabilities=self.probabilities[n:])


class Scene(NamedTuple):
    """All that the ground depends on; another scene is another ground."""

    view: Viewport
    size: QSize
    ratio: float
    theme: Theme
    meter: Meter
    snap: int
    model_range: tuple[int, int]


class Backdrop:
    """Keeps the ground and the roll as pixmaps and knows which columns are out of date."""

    def __init__(self) -> None:
        self.ground, self.roll = QPixmap(), QPixmap()
        self.forms: Forms | None = None
        self._scene: Scene | None = None
        self._dirty: tuple[int, int] | None = None

    def soil(self, left: int, right: int) -> None:
        """Mark pixel columns of the note area as out of date."""
        if self._dirty is not None:
            left, right = min(left, self._dirty[0]), max(right, self._dirty[1])
        self._dirty = (left, right)

    def refresh(
        self, scene: Scene, glow: Glow | None, batches: Callable[[int, int], Batches]
    ) -> Forms:
        """Bring both pixmaps up to date and return the forms of the notes.

        ``batches(first, last)`` is asked for the notes between two ticks, in order of painting.
        """
        if scene != self._scene or self.forms is None:
            self._scene = scene
            view, theme, ratio = scene.view, scene.theme, scene.ratio
            forms = self.forms
            if forms is None or (forms.theme, forms.key_height, forms.ratio) != (
                theme,
                view.key_height,
                ratio,
            ):
                self.forms = Forms(theme, view.key_height, ratio)
            self.ground = _pixmap(self.ground, scene.size, ratio)
            self.roll = _pixmap(self.roll, QSize(view.width, view.height), ratio)
            self._paint_ground(scene)
            self._dirty = (0, view.width)
        assert self.forms is not None
        if self._dirty is not None:
            left, right = max(self._dirty[0], 0), min(self._dirty[1], scene.view.width)
            self._dirty = None
            if left < right:
                self._paint_roll(scene, self.forms, glow, batches, left, right)
        return self.forms

    def _paint_ground(self, scene: Scene) -> None:
        view, theme = scene.view, scene.theme
        painter = QPainter(self.ground)
        painter.fillRect(0, 0, scene.size.width(), RULER, QColor(theme.panel))
        painter.fillRect(0, RULER - 1, KEYBOARD, 1, QColor(theme.grid_bar))
        painter.translate(KEYBOARD, 0)
        painter.setClipRect(0, 0, view.width, RULER)
        layers.paint_ruler(painter, view, theme, scene.meter, scene.snap)
        painter.translate(0, RULER)
        painter.setClipRect(0, 0, view.width, view.height)
        layers.paint_ground(painter, view, theme, scene.meter, scene.snap, scene.model_range)
        painter.end()

    def _paint_roll(
        self,
        scene: Scene,
        forms: Forms,
        glow: Glow | None,
        batches: Callable[[int, int], Batches],
        left: int,
        right: int,
    ) -> None:
        view = scene.view
        painter = QPainter(self.roll)
        painter.setClipRect(left, 0, right - left, view.height)
        painter.drawPixmap(-KEYBOARD, -RULER, self.ground)
        if glow is not None:
            layers.paint_glow(painter, view, scene.theme, *glow)
        notes = batches(int(view.tick_at(left - 3)), int(view.tick_at(right + 3)) + 1)
        forms.paint_all(painter, view, notes)
        painter.end()


def _pixmap(old: QPixmap, size: QSize, ratio: float) -> QPixmap:
    """Return a pixmap of this size, the old one where it fits."""
    if old.size() == size * ratio and old.devicePixelRatio() == ratio:
        return old
    pixmap = QPixmap(size * ratio)
    pixmap.setDevicePixelRatio(ratio)
    return pixmap
