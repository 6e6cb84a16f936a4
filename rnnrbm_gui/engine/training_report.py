"""A training run's events as lines of text."""

from collections.abc import Callable, Iterable

from rnnrbm_gui.engine.training_events import (
    Checked,
    Course,
    Measuring,
    Remark,
    Trained,
    TrainingEvent,
)

Say = Callable[[str], None]


def follow(events: Iterable[TrainingEvent], report: Say, progress: Say) -> None:
    """Say what happens, a line for each measurement, and how far it is in between.

    Args:
        events: of one run, taken to its end.
        report: told whole lines.
        progress: told how far it is, in words that the next ones replace.
    """
    course: Course | None = None
    for event in events:
        match event:
            case Remark(words):
                progress("")
                report(words)
            case Course():
                course = event
                progress(_far(event))
            case Checked():
                progress("")
                report(_line(event, course))
                if event.warning:
                    report(event.warning)
            case Measuring(words):
                progress(words)
            case Trained(path):
                progress("")
                report(f"Written: {path}")


def _far(course: Course) -> str:
    return (
        f"update {course.update:,} of {course.updates:,}  {course.frames_per_s:,.0f} frames/s  "
        f"{time_left(course.left_s)} left"
    )


def _line(checked: Checked, course: Course | None) -> str:
    line = (
        f"update {checked.update:6}  epoch {checked.epoch:5.1f}  LL a frame: valid "
        f"{checked.valid_ll:7.3f}{' best' if checked.is_best else '     '}  train "
        f"{checked.train_ll:7.3f}"
    )
    if course is None:
        return line
    return f"{line}  {course.frames_per_s:,.0f} frames/s, {time_left(course.left_s)} left"


def time_left(seconds: float) -> str:
    """Return a duration as one says it: "40 s", "5 min", "1 h 20 min"."""
    if seconds < 55:
        return f"{max(1, round(seconds / 5)) * 5} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{max(1, minutes)} min"
    return f"{minutes // 60} h {minutes % 60} min"
