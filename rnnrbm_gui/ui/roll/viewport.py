"""Where ticks and pitches lie on the roll, in pixels. Pure: no Qt, no state.

Scrolling is kept in whole pixels and a key is a whole number of pixels high, so that a note keeps
its exact shape while the view moves and no row is ever blurred.
"""

from msgspec import Struct
from msgspec.structs import replace

from rnnrbm_gui.music.timing import PPQ, Meter

N_PITCHES = 128
SHORTEST_KEY, TALLEST_KEY = 4, 40
NARROWEST_BEAT, WIDEST_BEAT = 0.5, 960.0
CLEAR = 10.0
"""Grid lines nearer together than this many pixels would be clutter."""


class Viewport(Struct, frozen=True):
    """The visible part of the roll; x and y count from the top left corner of the note area.

    Attributes:
        width, height: of the note area, pixels.
        beat_width: pixels of a quarter note.
        key_height: pixels of a key.
        left: pixels from tick 0 to the left edge.
        top: pixels from the top of pitch 127 to the top edge.
    """

    width: int = 800
    height: int = 600
    beat_width: float = 34.0
    key_height: int = 15
    left: int = 0
    top: int = 15 * (N_PITCHES - 85)

    @property
    def per_tick(self) -> float:
        """Pixels of one tick."""
        return self.beat_width / PPQ

    def x_of(self, tick: float) -> float:
        """Return the x of a tick."""
        return tick * self.per_tick - self.left

    def column(self, tick: float) -> int:
        """Return the pixel column at which something that starts at this tick is painted."""
        return round(tick * self.per_tick) - self.left

    def tick_at(self, x: float) -> float:
        """Return the tick at an x, never before 0; the inverse of ``x_of``."""
        return max(0.0, (x + self.left) / self.per_tick)

    def y_of(self, pitch: int) -> int:
        """Return the y of the upper edge of a pitch's row."""
        return (N_PITCHES - 1 - pitch) * self.key_height - self.top

    def pitch_at(self, y: float) -> int:
        """Return the pitch whose row holds ``y``, kept within 0..127."""
        row = int((y + self.top) // self.key_height)
        return min(max(N_PITCHES - 1 - row, 0), N_PITCHES - 1)

    @property
    def ticks(self) -> tuple[int, int]:
        """The visible ticks, ``first <= t < last``."""
        return int(self.tick_at(0)), int(self.tick_at(self.width)) + 1

    @property
    def pitches(self) -> tuple[int, int]:
        """The lowest and the highest pitch of which a part is visible."""
        return self.pitch_at(self.height - 1), self.pitch_at(0)

    def resized(self, width: int, height: int) -> "Viewport":
        """Return the same view in another size."""
        return replace(self, width=max(1, width), height=max(1, height))._held()

    def scrolled(self, right: float, down: float) -> "Viewport":
        """Return the view moved by pixels."""
        return replace(self, left=round(self.left + right), top=round(self.top + down))._held()

    def zoomed_time(self, factor: float, x: float) -> "Viewport":
        """Return the view with wider (``factor`` > 1) beats; the tick at ``x`` stays there."""
        beat = min(max(self.beat_width * factor, NARROWEST_BEAT), WIDEST_BEAT)
        left = (x + self.left) * beat / self.beat_width - x
        return replace(self, beat_width=beat, left=round(left))._held()

    def zoomed_pitch(self, factor: float, y: float) -> "Viewport":
        """Return the view with taller (``factor`` > 1) keys; the pitch at ``y`` stays there."""
        key = round(self.key_height * factor)
        if key == self.key_height and factor != 1:
            key += 1 if factor > 1 else -1
        key = min(max(key, SHORTEST_KEY), TALLEST_KEY)
        top = (y + self.top) * key / self.key_height - y
        return replace(self, key_height=key, top=round(top))._held()

    def fitted(self, first: int, last: int, low: int, high: int) -> "Viewport":
        """Return a view that shows these ticks and pitches with a little air about them."""
        ticks, keys = max(last - first, PPQ), high - low + 5
        beat = min(max((self.width - 24) * PPQ / ticks, NARROWEST_BEAT), 160.0)
        key = min(max(self.height // keys, SHORTEST_KEY), 22)
        left = round(first * beat / PPQ) - (12 if first else 0)
        middle = (N_PITCHES - (low + high + 1) / 2) * key
        top = round(middle - self.height / 2)
        return replace(self, beat_width=beat, key_height=key, left=left, top=top)._held()

    def showing(self, tick: float, at: float) -> "Viewport":
        """Return the view scrolled so that a tick lies at the share ``at`` of its width."""
        return replace(self, left=round(tick * self.per_tick - at * self.width))._held()

    def revealing(self, first: int, last: int, low: int, high: int) -> "Viewport":
        """Return the view, scrolled as little as it takes to show these ticks and pitches."""
        right = max(0, self.column(last) + 24 - self.width)
        right = min(right, self.column(first) - 24) if right else min(0, self.column(first))
        down = max(0, self.y_of(low) + 2 * self.key_height - self.height)
        up = min(0, self.y_of(high) - self.key_height)
        return self.scrolled(right, up or down)

    def _held(self) -> "Viewport":
        """Keep the view within the keyboard and behind tick 0."""
        whole = N_PITCHES * self.key_height
        top = min(max(self.top, 0), max(0, whole - self.height))
        return replace(self, left=max(self.left, 0), top=top)


class Lines(Struct, frozen=True):
    """Which lines of the time grid are far enough apart to be drawn.

    Attributes:
        fine: ticks between the snap lines, None where they would be clutter.
        beat: ticks between beat lines, or None.
        bar: ticks between bar lines, a power of two of bars.
    """

    fine: int | None
    beat: int | None
    bar: int

    @staticmethod
    def of(view: Viewport, meter: Meter, snap: int) -> "Lines":
        """Choose the lines for a zoom: the snap grid where it can be seen, never clutter."""
        beat, bar, scale = meter.beat_ticks, meter.bar_ticks, view.per_tick
        every = bar
        while every * scale < 3 * CLEAR:
            every *= 2
        return Lines(
            snap if snap < bar and snap * scale >= CLEAR and snap != beat else None,
            beat if beat * scale >= CLEAR else None,
            every,
        )


def snapped(tick: float, snap: int) -> int:
    """Return the grid line nearest to a tick, never before 0."""
    return max(0, round(tick / snap) * snap)


def cell_of(tick: float, snap: int) -> int:
    """Return the start of the grid cell that holds a tick."""
    return max(0, int(tick // snap) * snap)
