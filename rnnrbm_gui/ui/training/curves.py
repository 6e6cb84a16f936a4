"""The live curves: likelihood, CD objective, gradient norms. The only module with pyqtgraph."""

from collections.abc import Sequence
from html import escape

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPen
from PySide6.QtWidgets import QLabel

from rnnrbm_gui.engine.training_events import Checked, Course
from rnnrbm_gui.ui.theme import Theme, app_font
from rnnrbm_gui.ui.training.card import Card

MOST_POINTS = 4000
"""A curve that has grown longer keeps every second of its points."""

SMOOTHING = 0.08
"""Share of a new value in the smoothed course."""

CROWDED = 0.7
"""Decades on an axis from which on not every tick of it can bear a name."""

MORE_COLOURS = {
    "dark": ("#a993f5", "#6fa8f7", "#f08fb4"),
    "light": ("#6a4fcf", "#2a6bc9", "#b83d74"),
}
"""Beside warm and cool: what a third curve and those after it are drawn in."""


class Series:
    """A growing curve: positions and values, thinned when it gets long."""

    def __init__(self) -> None:
        self.x: list[float] = []
        self.y: list[float] = []

    def add(self, x: float, y: float) -> None:
        """Append a point."""
        self.x.append(x)
        self.y.append(y)
        if len(self.x) > MOST_POINTS:
            # The newest point stays where it is.
            del self.x[-2::-2], self.y[-2::-2]


class LogAxis(pg.AxisItem):
    """A logarithmic axis that names 1, 2 and 5 of each decade where there is no room for more."""

    def logTickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """Return the names of ticks, some empty."""
        names: list[str] = super().logTickStrings(values, scale, spacing)
        if self.range[1] - self.range[0] < CROWDED:
            return names
        firsts = np.rint(10 ** (np.asarray(values, float) % 1.0))
        return [
            name if first in (1, 2, 5, 10) else ""
            for name, first in zip(names, firsts, strict=True)
        ]


class CurveCard(Card):
    """A card with a plot over the updates, in the colours of the theme."""

    def __init__(self, title: str, tip: str, unit: str, *, logarithmic: bool = False) -> None:
        super().__init__(title, tip)
        self._unit = unit
        self._theme: Theme | None = None
        left = LogAxis("left") if logarithmic else pg.AxisItem("left")
        self.plot = pg.PlotWidget(axisItems={"left": left})
        self.plot.setAccessibleName(title)
        self.plot.setToolTip(tip)
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.plot.setFrameShape(self.plot.Shape.NoFrame)
        item = self.plot.getPlotItem()
        item.setMenuEnabled(False)
        item.hideButtons()
        item.setMouseEnabled(False, False)
        for side in ("left", "bottom"):
            item.getAxis(side).enableAutoSIPrefix(False)
        item.getAxis("left").setWidth(58)
        item.getAxis("bottom").setHeight(38)
        item.showGrid(x=True, y=True, alpha=0.16)
        # A blank plot, too, has a range worth looking at.
        self.plot.setLimits(xMin=0, minXRange=10)
        self.plot.setXRange(0, 100)
        self.plot.enableAutoRange()
        self.legend = QLabel()
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.legend.setProperty("role", "caption")
        self.body.addWidget(self.plot, 1)
        self._show_values(False)

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of a theme."""
        self._theme = theme
        self.plot.setBackground(theme.card)
        font = app_font(11)
        for side, words in (("left", self._unit), ("bottom", "updates")):
            axis = self.plot.getPlotItem().getAxis(side)
            axis.setPen(pg.mkPen(theme.line))
            axis.setTextPen(pg.mkPen(theme.muted))
            axis.setTickFont(font)
            axis.setStyle(tickLength=-4, autoExpandTextSpace=False)
            axis.setLabel(words, color=theme.muted, **{"font-size": "11px"})
        self.recolour(theme)

    def follow(self, other: "CurveCard") -> None:
        """Show the same stretch of updates as another card."""
        self.plot.setXLink(other.plot)

    def _show_values(self, shown: bool) -> None:
        """Number the axes, or not while there is nothing to be read off them."""
        for side in ("left", "bottom"):
            self.plot.getPlotItem().getAxis(side).setStyle(showValues=shown)

    def recolour(self, theme: Theme) -> None:
        """Draw the curves and the legend in the colours of a theme."""
        raise NotImplementedError

    def _say_legend(self, entries: Sequence[tuple[str, str, str]]) -> None:
        """Show colour, mark and words of each curve."""
        self.legend.setText(
            "&nbsp;&nbsp; ".join(
                f'<span style="color:{colour}; font-weight:700">{mark}</span>&nbsp;{escape(words)}'
                for colour, mark, words in entries
            )
        )


class LikelihoodCurve(CurveCard):
    """The log-likelihood of the validation part and of the training part, the best one marked."""

    def __init__(self) -> None:
        super().__init__(
            "Likelihood",
            "How well it foresees music: higher is better. What counts is music it has not\n"
            "learned from. Log-likelihood of the validation and the training part, in nats\n"
            "a frame, quickly estimated by annealed importance sampling",
            "nats a frame",
        )
        self.body.addWidget(self.legend)
        self.train = self.plot.plot([], [], symbol="o", symbolSize=4)
        self.valid = self.plot.plot([], [], symbol="o", symbolSize=6)
        self.best = self.plot.plot([], [], pen=None, symbol="o", symbolSize=15)
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self._valid, self._train = Series(), Series()
        self._best: tuple[float, float] | None = None
        self.value.setText("")
        self.refresh()

    def add(self, event: Checked) -> None:
        """Take in a measurement."""
        self._valid.add(event.update, event.valid_ll)
        self._train.add(event.update, event.train_ll)
        if event.is_best:
            self._best = (event.update, event.valid_ll)
        words = f"{_signed(event.valid_ll)}"
        if self._best:
            words += f", best {_signed(self._best[1])} at {self._best[0]:,}"
        self.value.setText(words)

    def refresh(self) -> None:
        """Draw what has been added."""
        self._show_values(bool(self._valid.x))
        self.train.setData(self._train.x, self._train.y)
        self.valid.setData(self._valid.x, self._valid.y)
        best = [] if self._best is None else [self._best]
        self.best.setData([x for x, _ in best], [y for _, y in best])

    def recolour(self, theme: Theme) -> None:
        """Draw the curves and the legend in the colours of a theme."""
        self.train.setPen(_pen(theme.cool, 1.6, Qt.PenStyle.DashLine))
        self.train.setSymbolBrush(theme.cool)
        self.train.setSymbolPen(None)
        self.valid.setPen(_pen(theme.warm, 2.0))
        self.valid.setSymbolBrush(theme.warm)
        self.valid.setSymbolPen(None)
        self.best.setSymbolBrush(None)
        self.best.setSymbolPen(_pen(theme.text, 1.5))
        self._say_legend(
            [
                (theme.warm, "━", "new pieces"),
                (theme.cool, "╌", "learned pieces"),
                (theme.text, "○", "best"),
            ]
        )


class ObjectiveCurve(CurveCard):
    """The contrastive-divergence objective, as it comes and smoothed."""

    def __init__(self) -> None:
        super().__init__(
            "CD objective",
            "How much better it likes what it dreams up than what it hears: near zero is good.\n"
            "F(v) - F(v_neg), the contrastive-divergence objective, in nats a frame",
            "nats a frame",
        )
        self.body.addWidget(self.legend)
        self.raw = self.plot.plot([], [])
        self.smooth = self.plot.plot([], [])
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self._raw, self._smooth = Series(), Series()
        self.value.setText("")
        self.refresh()

    def add(self, event: Course) -> None:
        """Take in where the run stands."""
        self._raw.add(event.update, event.objective)
        before = self._smooth.y[-1] if self._smooth.y else event.objective
        smooth = before + SMOOTHING * (event.objective - before)
        self._smooth.add(event.update, smooth)
        self.value.setText(_signed(smooth))

    def refresh(self) -> None:
        """Draw what has been added."""
        self._show_values(bool(self._raw.x))
        self.raw.setData(self._raw.x, self._raw.y)
        self.smooth.setData(self._smooth.x, self._smooth.y)

    def recolour(self, theme: Theme) -> None:
        """Draw the curves and the legend in the colours of a theme."""
        faint = QColor(theme.muted)
        faint.setAlphaF(0.6)
        self.raw.setPen(_pen(faint, 1.0))
        self.smooth.setPen(_pen(theme.cool, 2.0))
        self._say_legend([(theme.cool, "━", "smoothed"), (theme.muted, "─", "as it comes")])


class GradientCurves(CurveCard):
    """The norm of the gradient of each parameter, on a logarithmic axis."""

    def __init__(self) -> None:
        super().__init__(
            "Gradient norms",
            "How hard each set of weights is being pulled: a sudden rise means that learning\n"
            "is about to go astray. Norm of the gradient by parameter; biases are dashed",
            "norm",
            logarithmic=True,
        )
        self.plot.setLogMode(x=False, y=True)
        self.body.addWidget(self.legend)
        self.lines: dict[str, pg.PlotDataItem] = {}
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self._norms: dict[str, Series] = {}
        for line in self.lines.values():
            self.plot.removeItem(line)
        self.lines.clear()
        self.legend.setText("&nbsp;")
        self._show_values(False)

    def add(self, event: Course) -> None:
        """Take in where the run stands."""
        for name, norm in event.gradient_norms.items():
            if norm > 0 and np.isfinite(norm):  # a logarithm there must be
                self._norms.setdefault(name, Series()).add(event.update, norm)

    def refresh(self) -> None:
        """Draw what has been added."""
        new = [name for name in self._norms if name not in self.lines]
        for name in new:
            self.lines[name] = self.plot.plot([], [])
        if new and self._theme:
            self.recolour(self._theme)
        self._show_values(bool(self._norms))
        for name, norms in self._norms.items():
            self.lines[name].setData(norms.x, norms.y)

    def recolour(self, theme: Theme) -> None:
        """Draw the curves and the legend in the colours of a theme."""
        colours = (theme.warm, theme.cool, *MORE_COLOURS[theme.name])
        legend, counts = [], {False: 0, True: 0}
        for name, line in self.lines.items():
            is_bias = not name.startswith("W")
            colour = colours[counts[is_bias] % len(colours)]
            counts[is_bias] += 1
            style = Qt.PenStyle.DashLine if is_bias else Qt.PenStyle.SolidLine
            line.setPen(_pen(colour, 1.5, style))
            legend.append((colour, "╌" if is_bias else "━", name))
        self._say_legend(legend)
        if not legend:
            self.legend.setText("&nbsp;")


def _pen(colour: str | QColor, width: float, style: Qt.PenStyle = Qt.PenStyle.SolidLine) -> QPen:
    return pg.mkPen(colour, width=width, style=style)


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
