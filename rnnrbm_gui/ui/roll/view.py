"""The roll as it is seen: what to show comes in by setters, the picture goes out.

What stands still is kept as pixmaps (``Backdrop``); what moves (playhead, lit keys, what the
mouse holds) is painted over a copy of them, and only where something moved.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import ceil
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPixmap, QResizeEvent
from PySide6.QtWidgets import QWidget

from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import PPQ, Meter
from rnnrbm_gui.ui.roll import layers
from rnnrbm_gui.ui.roll.backdrop import Backdrop, Glow, Scene
from rnnrbm_gui.ui.roll.forms import Batches, Forms, Kind, legend
from rnnrbm_gui.ui.roll.layers import KEYBOARD, RULER
from rnnrbm_gui.ui.roll.track import Piece, Track
from rnnrbm_gui.ui.roll.viewport import Viewport
from rnnrbm_gui.ui.theme import DARK, Theme

if TYPE_CHECKING:
    from numpy.typing import NDArray

PAGE_AT, PAGE_TO = 0.75, 0.15
"""Following, the view turns the page when the playhead has come this far, and puts it there."""


class RollView(QWidget):
    """A piano-roll to look at; ``RollCanvas`` adds the hands.

    Attributes:
        view: where ticks and pitches lie; read it, change it by ``set_view``.
        score: the drawn and kept notes.
        ratio: device pixels to a pixel; None for those of the screen.
        paint_ms: how long the last paintings took, milliseconds.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view = Viewport()
        self.score = Score()
        self.theme = DARK
        self.meter = Meter()
        self.snap = PPQ
        self.selection: frozenset[Note] = frozenset()
        self.playhead = 0.0
        self.following = True
        self.ratio: float | None = None
        self.paint_ms: deque[float] = deque(maxlen=2000)
        self._drawn, self._generated = Track(), Track()
        self._lifted: frozenset[Note] = frozenset()
        self._sounded = self._available = 0
        self._lit: dict[int, str] = {}
        self._sounding: frozenset[int] = frozenset()
        self._heard: int | None = None
        self._hovered_pitch: int | None = None
        self._loop: tuple[int, int] | None = None
        self._passage: tuple[int, int] | None = None
        self._passage_label = "your melody"
        self._glow: Glow | None = None
        self._hint: str | None = None
        self._model_range = (0, 127)
        self._legend, self._legend_hidden, self._legend_box = True, False, QRect()
        self._legend_of: tuple[Theme, float] | None = None
        self._ruler_of: tuple[object, ...] = ()
        self._ruler = self._legend_sprite = QPixmap()
        self._now: frozenset[tuple[Kind, Note]] = frozenset()
        self._backdrop = Backdrop()
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(KEYBOARD + 200, RULER + 120)

    # What to show

    def set_score(self, score: Score) -> None:
        """Show these drawn and kept notes."""
        if score is self.score:
            return
        self.score = score
        span = self._drawn.set_notes(score.notes)
        if self.selection:
            self.selection &= frozenset(score.notes)
        if span:
            self._soil(*span)

    def set_generated(self, notes: Sequence[Note], from_tick: int) -> None:
        """Put these in place of every generated note with ``on >= from_tick``."""
        span = self._generated.replace_from(from_tick, notes)
        if span:
            self._soil(*span)

    def set_sounded(self, tick: int) -> None:
        """Say how far has been played: generated notes from here on are still coming."""
        if tick == self._sounded:
            return
        track, old = self._generated, self._sounded
        a, b = sorted((track.split(old), track.split(tick)))
        self._sounded = tick
        if a < b:
            turned = track.piece(slice(a, b))
            self._soil(int(turned.ons.min()), int(turned.offs.max()))
        self._update_ruler(min(old, tick), max(tick, self._available))
        glow = self._glow
        if glow is not None and tick > glow.from_tick:  # it is of what is coming
            self._glow = glow.starting(tick)
            self._soil(glow.from_tick, min(tick, glow.end))

    def set_available(self, end_tick: int) -> None:
        """Say up to which tick the look-ahead is known: the strip "coming" reaches there."""
        old, self._available = self._available, end_tick
        if old != end_tick:
            self._update_ruler(min(self._sounded, end_tick), max(old, end_tick))

    def set_playhead(self, tick: float) -> None:
        """Move the playhead; turns the page where the view follows it."""
        old, new = self.view.column(self.playhead), self.view.column(tick)
        self.playhead = tick
        in_view = 0 <= self.view.x_of(tick) <= PAGE_AT * self.view.width
        if self.following and not in_view and not self._busy():
            self.set_view(self.view.showing(tick, PAGE_TO))
        if self._sounding:
            self._light()
        if old == new:
            return
        for x in (old, new):
            self.update(KEYBOARD + x - 9, 0, 17, self.height())

    def set_following(self, following: bool) -> None:
        """Say whether the view turns the page with the playhead."""
        self.following = following
        self.set_playhead(self.playhead)

    def set_sounding(self, pitches: frozenset[int]) -> None:
        """Light up the keys that sound: warm where a drawn note sounds, cool otherwise."""
        self._sounding = pitches
        self._light()

    def set_loop(self, loop: tuple[int, int] | None) -> None:
        """Show a loop over these ticks in the ruler, or none."""
        self._loop = loop
        self.update(0, 0, self.width(), RULER)

    def set_passage(self, passage: tuple[int, int] | None, label: str = "your melody") -> None:
        """Show the strip of the drawn passage over these ticks, or none."""
        self._passage, self._passage_label = passage, label
        self.update(0, 0, self.width(), RULER)

    def set_glow(
        self, from_tick: int, frame_ticks: int, low: int, probabilities: NDArray[np.float32]
    ) -> None:
        """Show how likely each key is behind the notes.

        Args:
            from_tick: where the first frame begins.
            frame_ticks: ticks of a frame.
            low: pitch of the first key.
            probabilities: (n_frames, n_keys), 0..1; no frames, no glow.
        """
        old, self._glow = self._glow, Glow(from_tick, frame_ticks, low, probabilities)
        for glow in (old, self._glow):
            if glow is not None:
                self._soil(glow.from_tick, glow.end)

    def set_meter(self, meter: Meter) -> None:
        """Count bars and beats in this meter."""
        self.meter = meter
        self.update()

    def set_snap(self, ticks: int) -> None:
        """Use a grid of so many ticks: the one seen and the one notes snap to."""
        if ticks < 1:
            raise ValueError(f"the grid must be at least 1 tick, got {ticks}")
        self.snap = ticks
        self.update()

    def set_theme(self, theme: Theme) -> None:
        """Paint in these colours."""
        self.theme = theme
        self._light()
        self.update()

    def set_empty_hint(self, hint: str | None) -> None:
        """Show these lines in the middle while the roll is empty."""
        self._hint = hint
        self.update()

    def set_model_range(self, low: int, high: int) -> None:
        """Shade the keys outside ``low <= pitch <= high``, which the model cannot play."""
        self._model_range = (low, high)
        self.update()

    def set_legend(self, shown: bool) -> None:
        """Show or hide the names of the three kinds of notes."""
        self._legend = shown
        self.update()

    def set_view(self, view: Viewport) -> None:
        """Show another part of the roll."""
        if view != self.view:
            self.view = view
            self.update()

    def fit(self) -> None:
        """Show all notes, or eight empty bars around middle C."""
        pieces = [track.columns for track in (self._drawn, self._generated) if track.notes]
        low, high, first, last = 48, 79, 0, 8 * self.meter.bar_ticks
        if pieces:
            low = min(48 + 7, *(int(p.pitches.min()) for p in pieces))
            high = max(67, *(int(p.pitches.max()) for p in pieces))
            first = self.meter.bar_of(min(int(p.ons.min()) for p in pieces))
            last = max(first + 4 * self.meter.bar_ticks, *(int(p.offs.max()) for p in pieces))
        self.set_view(self.view.fitted(first, last, low, high))

    @property
    def generated(self) -> tuple[Note, ...]:
        """The generated notes, sounded and coming."""
        return tuple(self._generated.notes)

    # Painting

    def _busy(self) -> bool:
        """Tell whether the mouse holds something, so that the page must not turn."""
        return False

    def _soil(self, first: int, last: int) -> None:
        """Mark the columns of ticks ``first..last`` to be painted anew."""
        left, right = self.view.column(first) - 2, self.view.column(last) + 2
        if left < self.view.width and right > 0:
            self._backdrop.soil(left, right)
            self.update(KEYBOARD + left, RULER, right - left, self.view.height)

    def _update_ruler(self, first: int, last: int) -> None:
        left, right = self.view.column(first), self.view.column(last)
        self.update(KEYBOARD + left - 4, 0, right - left + 8, RULER)

    def _hide_legend(self, hidden: bool) -> None:
        """Let one see what lies under the legend while the mouse is there."""
        if hidden != self._legend_hidden:
            self._legend_hidden = hidden
            self.update()  # where its box is now is known when it has been painted

    def _light(self) -> None:
        """Light up the keys and the notes that sound."""
        now = frozenset(
            (kind, note)
            for kind, track in ((Kind.PLAYED, self._generated), (Kind.DRAWN, self._drawn))
            for note in track.at(self.playhead)
            if note.pitch in self._sounding and note not in self._lifted
        )
        for _, note in now ^ self._now:
            self.update(self._box(note.on, note.off, note.pitch).translated(KEYBOARD, RULER))
        self._now = now
        warm = {note.pitch for note in self._drawn.at(self.playhead)}
        lit = {p: self.theme.warm if p in warm else self.theme.cool for p in self._sounding}
        if self._heard is not None:
            lit[self._heard] = self.theme.warm
        if lit != self._lit:
            changed = {p for p in lit.keys() | self._lit.keys() if lit.get(p) != self._lit.get(p)}
            self._lit = lit
            for pitch in changed:
                self._update_key(pitch)

    def _box(self, on: int, off: int, pitch: int) -> QRect:
        """Return the box of a note, a whole key high, in the note area."""
        left, right = self.view.column(on), self.view.column(off)
        return QRect(left, self.view.y_of(pitch), right - left, self.view.key_height)

    def _update_key(self, pitch: int | None) -> None:
        if pitch is not None:
            self.update(
                layers.key_rect(self.view, pitch).translated(0, RULER).adjusted(0, -1, 0, 2)
            )

    def _batches(self, first: int, last: int) -> Batches:
        """Return the notes in ``first <= t < last`` by kind, in the order of painting."""
        part = self._generated.within(first, last)
        turn = min(max(self._generated.split(self._sounded), part.start), part.stop)
        found = [
            (kind, self._generated.piece(some))
            for kind, some in (
                (Kind.COMING, slice(turn, part.stop)),
                (Kind.PLAYED, slice(part.start, turn)),
            )
            if some.start < some.stop
        ]
        part = self._drawn.within(first, last)
        notes = self._drawn.notes[part]
        if not notes:
            return found
        drawn = self._drawn.piece(part)
        if not (self.selection or self._lifted):
            return [*found, (Kind.DRAWN, drawn)]
        there = np.fromiter((note not in self._lifted for note in notes), bool, len(notes))
        chosen = np.fromiter((note in self.selection for note in notes), bool, len(notes))
        for kind, mask in ((Kind.DRAWN, there & ~chosen), (Kind.SELECTED, there & chosen)):
            found.append((kind, Piece(*(column[mask] for column in drawn))))
        return found

    def _paint_moving(self, painter: QPainter, forms: Forms) -> None:
        """Paint what moves over the note area; the canvas adds what the mouse holds."""

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint what has changed."""
        began = perf_counter()
        rect, region, theme, view = event.rect(), event.region(), self.theme, self.view
        ratio = self.ratio or self.devicePixelRatioF()
        scene = Scene(view, self.size(), ratio, theme, self.meter, self.snap, self._model_range)
        forms = self._backdrop.refresh(scene, self._glow, self._batches)
        painter = QPainter(self)
        area = QRect(KEYBOARD, RULER, view.width, view.height)
        if rect.top() < RULER:
            painter.drawPixmap(0, 0, self._ruler_now(scene))
        painter.drawPixmap(area.topLeft(), self._backdrop.roll)
        if region.intersects(QRect(0, RULER, KEYBOARD, view.height)):
            painter.save()
            painter.setClipRect(0, RULER, KEYBOARD, view.height)
            painter.translate(0, RULER)
            layers.paint_keyboard(painter, view, theme, self._lit, self._hovered_pitch)
            painter.restore()
        painter.save()
        painter.setClipRect(KEYBOARD, 0, view.width, self.height())
        painter.translate(KEYBOARD, 0)
        painter.save()
        painter.translate(0, RULER)
        painter.setClipRect(0, 0, view.width, view.height)
        for kind, note in self._now:
            forms.paint_glint(painter, kind, self._box(note.on, note.off, note.pitch))
        self._paint_moving(painter, forms)
        end = max(self._drawn.end, self._generated.end, self._available)
        layers.paint_place(painter, view, theme, end)
        painter.restore()
        x = view.column(self.playhead)
        if -9 <= x <= view.width + 9:
            forms.paint_playhead(painter, x, RULER, self.height())
        painter.restore()
        if self._legend and not self._legend_hidden:
            if self._legend_of != (theme, ratio):
                self._legend_of, self._legend_sprite = (theme, ratio), legend(theme, ratio)
            size = self._legend_sprite.deviceIndependentSize().toSize()
            corner = area.bottomRight() + QPoint(-11 - size.width(), -11 - size.height())
            self._legend_box = QRect(corner, size)
            painter.drawPixmap(corner, self._legend_sprite)
        if self._hint and not self._drawn.notes:
            layers.paint_hint(painter, area, theme, self._hint)
        painter.end()
        self.paint_ms.append((perf_counter() - began) * 1e3)

    def _ruler_now(self, scene: Scene) -> QPixmap:
        """Return the ruler with its strips, painted anew where one of them has changed."""
        strips = self._loop, self._passage, self._passage_label, self._sounded, self._available
        if self._ruler_of != (scene, *strips):
            self._ruler_of, ground = (scene, *strips), self._backdrop.ground
            self._ruler = ground.copy(0, 0, ground.width(), ceil(RULER * scene.ratio))
            painter = QPainter(self._ruler)
            painter.setClipRect(KEYBOARD, 0, self.view.width, RULER)
            painter.translate(KEYBOARD, 0)
            self._paint_strips(painter)
            painter.end()
        return self._ruler

    def _paint_strips(self, painter: QPainter) -> None:
        view, theme = self.view, self.theme
        if self._loop:
            layers.paint_loop(painter, view, theme, self._loop)
        coming = self._sounded
        if self._passage:
            left, right = (view.column(tick) for tick in self._passage)
            layers.paint_strip(
                painter, left, right - 2, theme.warm_strip, theme.warm_text, self._passage_label
            )
            coming = max(coming, self._passage[1])
        if self._available > coming:
            left, right = view.column(coming), view.column(self._available)
            layers.paint_strip(
                painter, left, right - 2, theme.cool_strip, theme.cool_text, "coming"
            )

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show more or less of the same place."""
        first_time = not event.oldSize().isValid()
        self.set_view(self.view.resized(self.width() - KEYBOARD, self.height() - RULER))
        if first_time:
            self.fit()

    def sizeHint(self) -> QSize:
        """Return a size that shows eight bars of four octaves."""
        return QSize(1100, 700)
