"""Where a run stands, how far it is and why it failed, in words."""

from enum import Enum, auto

from rnnrbm_gui.engine import checkpoint
from rnnrbm_gui.engine.training_events import Course, Plan
from rnnrbm_gui.engine.training_report import time_left

GO_ON = "Go on from where it stood"


class Stage(Enum):
    """What the training window can be at."""

    RESTING = auto()
    STARTING = auto()
    LEARNING = auto()
    PAUSED = auto()
    MEASURING = auto()
    STOPPING = auto()


def course_words(course: Course, *, paused: bool = False) -> str:
    """Return how far a run is and how fast, in one line."""
    parts = [f"Update {course.update:,} of {course.updates:,}", f"round {course.epoch:,.0f}"]
    if paused:
        parts.append("paused")
    else:
        parts.append(f"{course.frames_per_s:,.0f} frames a second")
        parts.append(f"{time_left(course.left_s)} left")
    return "   ·   ".join(parts)


def measuring_words(words: str) -> str:
    """Return how far the measuring of the finished model is, in one line."""
    return f"Measuring the best model   ·   {words}" if words else "Measuring the best model …"


def failure_words(sentence: str, plan: Plan) -> str:
    """Return why a run failed; what speaks to the command line is said for the window."""
    if "--resume" not in sentence:
        return sentence
    name = plan.out.stem
    if not plan.out.exists():
        return f"The model “{name}” is gone: untick “{GO_ON}” to begin anew."
    if checkpoint.path_beside(plan.out).exists():
        return (
            f"“{name}” was begun with other settings or other music: choose the same, or untick "
            f"“{GO_ON}” to begin anew."
        )
    return f"Where “{name}” stood is not on the disk any more: start again to begin anew."
