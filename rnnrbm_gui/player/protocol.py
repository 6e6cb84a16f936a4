"""What the app and the player say to each other: frozen values, one JSON line each.

Times on the wire are seconds of ``now_s``, which every process of the machine reads alike; ticks
are *play ticks*, which only ever grow (the engine unrolls loops and seeks).
"""

import sys
import time

from msgspec import MsgspecError, Struct
from msgspec.json import Decoder, Encoder

# WORKAROUND: before Python 3.13 Windows' monotonic clock moves in steps of 16 ms; can go with 3.12.
now_s = time.perf_counter if sys.platform == "win32" else time.monotonic


class OutputId(Struct, frozen=True, forbid_unknown_fields=True):
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


class TimedNote(Struct, frozen=True, forbid_unknown_fields=True):
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


class Message(Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """What a line says; its "type" is the name of its class."""


# ---- commands: from the app to the player


class Play(Message, frozen=True):
    """Start the clock: it stands at ``tick`` now, or stood there at ``at_s``."""

    tick: float
    epoch: int
    bpm: float
    at_s: float | None = None


class Pause(Message, frozen=True):
    """Stop the clock, end what sounds, forget what is unsent."""


class Tempo(Message, frozen=True):
    """Go on at this tempo from now on."""

    bpm: float


class Schedule(Message, frozen=True):
    """Notes to send when their time comes."""

    epoch: int
    notes: tuple[TimedNote, ...]


class Cancel(Message, frozen=True):
    """Forget unsent notes with ``on >= from_tick``; ``token`` comes back with the answer."""

    epoch: int
    from_tick: int
    token: int


class Strike(Message, frozen=True):
    """A clicked key goes down, at once."""

    pitch: int
    velocity: int

    def __post_init__(self) -> None:
        _check(pitch=(self.pitch, 0, 127), velocity=(self.velocity, 1, 127))


class Release(Message, frozen=True):
    """A clicked key comes up."""

    pitch: int


class Panic(Message, frozen=True):
    """Silence every channel of the output by every means MIDI has."""


class OpenOutput(Message, frozen=True):
    """Send to this output from now on.

    Attributes:
        owed: (channel, pitch) that may still sound there from an earlier player: offs go first.
        lost: an earlier player lost it, so opening it is taking it up again.
    """

    output: OutputId
    owed: tuple[tuple[int, int], ...] = ()
    lost: bool = False


class Program(Message, frozen=True):
    """Choose a sound on a channel; None leaves what the synth has."""

    channel: int
    program: int | None
    bank: int | None = None


class Admit(Message, frozen=True):
    """Use a MIDI API: it answered a throw-away process."""

    api: str


class Refuse(Message, frozen=True):
    """Do without a MIDI API that does not answer, for this reason."""

    api: str
    reason: str


class Refresh(Message, frozen=True):
    """List the outputs now."""


class Quit(Message, frozen=True):
    """End what sounds and leave."""


# ---- reports: from the player to the app


class Beat(Message, frozen=True):
    """The scheduler's loop is alive; ``level`` is the built-in synth's peak since the last."""

    at_s: float
    level: float = 0.0


class Entering(Message, frozen=True):
    """The next call goes into this API and may hang or crash; "" when it came back."""

    api: str


class Anchor(Message, frozen=True):
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


class Sounding(Message, frozen=True):
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


class Dropped(Message, frozen=True):
    """A note arrived too late to be played."""

    note_id: int
    late_ms: float


class Cancelled(Message, frozen=True):
    """The answer to ``Cancel``: everything up to ``last_tick`` has been sent."""

    epoch: int
    last_tick: int
    token: int


class Outputs(Message, frozen=True):
    """Every place that notes can go to now."""

    outputs: tuple[OutputId, ...]


class OutputState(Message, frozen=True):
    """What became of the chosen output; ``state`` is open, lost, failed or back."""

    output: OutputId
    state: str
    sentence: str
    owed: tuple[tuple[int, int], ...] = ()


class AudioDevice(Message, frozen=True):
    """The device the built-in synth plays on; ``is_null`` when none opened and none is heard."""

    name: str
    is_null: bool
    sentence: str


class ApiLost(Message, frozen=True):
    """A MIDI API stopped answering; it is used again when it is admitted again."""

    api: str


class Trouble(Message, frozen=True):
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
_encoder, _decoder = Encoder(), Decoder(Command | Report)


def encode(message: Command | Report) -> bytes:
    """Return a message as one line of JSON."""
    return _encoder.encode(message) + b"\n"


def decode(line: bytes) -> Command | Report:
    """Return the message of one line.

    Raises:
        ValueError: the line is no message of this protocol.
    """
    try:
        return _decoder.decode(line)
    except (MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(
            f"the line must be a message of the player, got {line[:80]!r} ({error})"
        ) from error


def _check(**ranges: tuple[int, int, int]) -> None:
    for name, (value, lowest, highest) in ranges.items():
        if not lowest <= value <= highest:
            raise ValueError(f"{name} must be in {lowest}..{highest}, got {value}")
