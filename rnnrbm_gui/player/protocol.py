"""What the app and the player say to each other: frozen values, one JSON line each.

Times on the wire are seconds of ``now_s``, which every process of the machine reads alike; ticks
are *play ticks*, which only ever grow (the engine unrolls loops and seeks).
"""

import json
import sys
import time
from dataclasses import dataclass, fields
from typing import Any

# WORKAROUND: before Python 3.13 Windows' monotonic clock moves in steps of 16 ms; can go with 3.12.
now_s = time.perf_counter if sys.platform == "win32" else time.monotonic


@dataclass(frozen=True)
class OutputId:
    """A place that notes can go to, known by its name, never by an index.

    Attributes:
        api: "built-in", "virtual", or an rtmidi API such as "jack", "alsa", "core", "winmm".
        name: the port's name; the name a virtual port shows to others.
    """

    api: str
    name: str

    def __str__(self) -> str:
        return self.name


BUILT_IN = OutputId("built-in", "Built-in synth")
VIRTUAL = OutputId("virtual", "rnnrbm-gui")


@dataclass(frozen=True)
class TimedNote:
    """A note on its way to the wire, ``on`` and ``off`` in play ticks."""

    id: int
    on: int
    off: int
    pitch: int
    velocity: int
    channel: int = 0

    def __post_init__(self) -> None:
        _check(pitch=(self.pitch, 0, 127), velocity=(self.velocity, 1, 127))
        _check(channel=(self.channel, 0, 15))


# ---- commands: from the app to the player


@dataclass(frozen=True)
class Play:
    """Start the clock: it stands at ``tick`` now, or stood there at ``at_s``."""

    tick: float
    epoch: int
    bpm: float
    at_s: float | None = None


@dataclass(frozen=True)
class Pause:
    """Stop the clock, end what sounds, forget what is unsent."""


@dataclass(frozen=True)
class Tempo:
    """Go on at this tempo from now on."""

    bpm: float


@dataclass(frozen=True)
class Schedule:
    """Notes to send when their time comes."""

    epoch: int
    notes: tuple[TimedNote, ...]


@dataclass(frozen=True)
class Cancel:
    """Forget unsent notes with ``on >= from_tick``; ``token`` comes back with the answer."""

    epoch: int
    from_tick: int
    token: int


@dataclass(frozen=True)
class Strike:
    """A clicked key goes down, at once."""

    pitch: int
    velocity: int

    def __post_init__(self) -> None:
        _check(pitch=(self.pitch, 0, 127), velocity=(self.velocity, 1, 127))


@dataclass(frozen=True)
class Release:
    """A clicked key comes up."""

    pitch: int


@dataclass(frozen=True)
class Panic:
    """Silence every channel of the output by every means MIDI has."""


@dataclass(frozen=True)
class OpenOutput:
    """Send to this output from now on.

    Attributes:
        owed: (channel, pitch) that may still sound there from an earlier player: offs go first.
        lost: an earlier player lost it, so opening it is taking it up again.
    """

    output: OutputId
    owed: tuple[tuple[int, int], ...] = ()
    lost: bool = False


@dataclass(frozen=True)
class Program:
    """Choose a sound on a channel; None leaves what the synth has."""

    channel: int
    program: int | None
    bank: int | None = None


@dataclass(frozen=True)
class Admit:
    """Use a MIDI API: it answered a throw-away process."""

    api: str


@dataclass(frozen=True)
class Refuse:
    """Do without a MIDI API that does not answer, for this reason."""

    api: str
    reason: str


@dataclass(frozen=True)
class Refresh:
    """List the outputs now."""


@dataclass(frozen=True)
class Quit:
    """End what sounds and leave."""


# ---- reports: from the player to the app


@dataclass(frozen=True)
class Beat:
    """The scheduler's loop is alive; ``level`` is the built-in synth's peak since the last."""

    at_s: float
    level: float = 0.0


@dataclass(frozen=True)
class Entering:
    """The next call goes into this API and may hang or crash; "" when it came back."""

    api: str


@dataclass(frozen=True)
class Anchor:
    """Where the clock stands: ``tick`` at ``at_s``, moving at ``ticks_per_s`` if playing."""

    tick: float
    at_s: float
    ticks_per_s: float
    playing: bool
    epoch: int

    def tick_at(self, at_s: float) -> float:
        """Return the play tick at a time of ``now_s``."""
        if not self.playing:
            return self.tick
        return self.tick + (at_s - self.at_s) * self.ticks_per_s


@dataclass(frozen=True)
class Sounding:
    """A note began or ended at the output.

    Attributes:
        note_id: the id it was scheduled with, None for a clicked key.
        at_s: when it was sent.
        lateness_ms: how long after its tick that was.
        velocity: 1..127 where it began, 0 where it ended.
    """

    pitch: int
    on: bool
    note_id: int | None
    at_s: float
    lateness_ms: float
    channel: int = 0
    velocity: int = 0


@dataclass(frozen=True)
class Dropped:
    """A note arrived too late to be played."""

    note_id: int
    late_ms: float


@dataclass(frozen=True)
class Cancelled:
    """The answer to ``Cancel``: everything up to ``last_tick`` has been sent."""

    epoch: int
    last_tick: int
    token: int


@dataclass(frozen=True)
class Outputs:
    """Every place that notes can go to now."""

    outputs: tuple[OutputId, ...]


@dataclass(frozen=True)
class OutputState:
    """What became of the chosen output; ``state`` is open, lost, failed or back."""

    output: OutputId
    state: str
    sentence: str
    owed: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class AudioDevice:
    """The device the built-in synth plays on; ``is_null`` when none opened and none is heard."""

    name: str
    is_null: bool
    sentence: str


@dataclass(frozen=True)
class ApiLost:
    """A MIDI API stopped answering; it is used again when it is admitted again."""

    api: str


@dataclass(frozen=True)
class Trouble:
    """Something went wrong; the sentence is for the user."""

    sentence: str


Command = (
    Play | Pause | Tempo | Schedule | Cancel | Strike | Release | Panic
    | OpenOutput | Program | Admit | Refuse | Refresh | Quit
)  # fmt: skip
Report = (
    Beat | Entering | Anchor | Sounding | Dropped | Cancelled
    | Outputs | OutputState | AudioDevice | ApiLost | Trouble
)  # fmt: skip
_KINDS = {
    kind.__name__: kind for kind in (OutputId, TimedNote, *Command.__args__, *Report.__args__)
}


def encode(message: Command | Report) -> bytes:
    """Return a message as one line of JSON."""
    return json.dumps(message, default=_plain, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> Any:
    """Return the message of one line.

    Raises:
        ValueError: the line is no message of this protocol.
    """
    try:
        message = json.loads(line, object_hook=_rebuilt)
    except (KeyError, TypeError) as error:
        raise ValueError(f"the line must be a message of the player, got {line[:80]!r}") from error
    if type(message).__name__ not in _KINDS:
        raise ValueError(f"the line must be a message of the player, got {line[:80]!r}")
    return message


def _check(**ranges: tuple[int, int, int]) -> None:
    for name, (value, lowest, highest) in ranges.items():
        if not lowest <= value <= highest:
            raise ValueError(f"{name} must be in {lowest}..{highest}, got {value}")


def _plain(value: Any) -> dict[str, Any]:
    own = {field.name: getattr(value, field.name) for field in fields(value)}
    return {"is": type(value).__name__, **own}


def _rebuilt(plain: dict[str, Any]) -> Any:
    return _KINDS[plain.pop("is")](**{name: _tupled(value) for name, value in plain.items()})


def _tupled(value: Any) -> Any:
    return tuple(_tupled(item) for item in value) if isinstance(value, list) else value
