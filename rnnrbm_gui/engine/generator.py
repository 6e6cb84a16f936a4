"""The generator thread: samples ahead of the playhead and hands the notes to the player.

What the transport means is decided here. What has sounded stays as it sounded. An edit ahead of
the playhead draws anew from the first frame it changes; an edit behind it is heard when the
playhead next passes there. A seek into what is there replays it; beyond it, the model goes on.
A loop repeats what is on the roll. Changed knobs (temperature, mixing, seed, model, mode, and the
metre where the model is told it) take hold from the playhead on, so that what is coming always
follows from what is shown.

One file of over 400 lines, for all of it is the state of one thread.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from math import ceil, inf
from pathlib import Path

from rnnrbm_gui.data.model_file import StoredModel, load_model
from rnnrbm_gui.engine.answer import Answer
from rnnrbm_gui.engine.choices import Mode, Sampling
from rnnrbm_gui.engine.events import (
    Generated,
    ModelLoaded,
    Passage,
    Playing,
    Sounded,
    Trouble,
    Truncated,
)
from rnnrbm_gui.engine.hand_over import HANDED_AHEAD_S, HandOver, Part
from rnnrbm_gui.engine.player_client import PlayerClient
from rnnrbm_gui.engine.timeline import Loop
from rnnrbm_gui.errors import UserError
from rnnrbm_gui.models import kernels
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.roll import Articulation
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import PPQ, Meter, ticks_per_second

FREEZE_S = 0.06
"""Frames that begin sooner than this are not drawn anew: the new ones could come too late."""
LOADING_S = 3.0
"""Given to the player, of what is drawn, before another model runs through what has sounded."""
LOOK_AHEAD_BARS, ENOUGH_FRAMES = 8, 4
DRIED_AHEAD_S = 1.0
"""Where the music has run dry it goes on when so much is there, not with every frame."""
SLOW = 0.25
"""The plain kernel keeps up if a frame takes it no larger part of the time that it sounds."""
IDLE_WAIT_S = 0.04


class Generator(threading.Thread):
    """Owns the model's answer and the hand-over; told what to do by posted calls.

    Thread: everything but ``post``, ``stop_thread`` and the read-only properties runs on itself.
    """

    def __init__(self, client: PlayerClient, events: "queue.SimpleQueue[object]") -> None:
        super().__init__(name="generator", daemon=True)
        self._events = events
        self._hand_over = HandOver(client, self)
        self.listened_to = self._hand_over.listened_to
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._wake = threading.Event()
        self._closing = False
        self.under_way = threading.Event()  # set once the kernel may be got: see ``Compiler``
        self.stored: StoredModel | None = None
        self._answer: Answer | None = None
        self._score, self._mode = Score(), Mode.HARMONISE
        self._sampling, self._articulation = Sampling(), Articulation.RESTRIKE
        self._meter, self._bpm = Meter(), 84.0
        self._playing = False
        self._pending: int | None = None  # roll tick to start at once there is music enough
        self._rest = 0  # roll tick of the playhead while it does not move
        self._dried = False  # pending because the model did not keep up
        self._stale: int | None = None  # first sounded frame that an edit has overtaken
        self._sounded = 0  # frames before this one have been heard
        self._wraps_at = 0.0  # play tick until which a loop's end sounds that is drawn anew already

    # -- from other threads ------------------------------------------------------------------

    def post(self, call: Callable[[], None]) -> None:
        """Ask for a call on the generator thread; returns at once."""
        self._inbox.put(call)
        self._wake.set()

    def stop_thread(self) -> None:
        """Ask the thread to end; ``join`` waits for it."""
        self._closing = True
        self._wake.set()

    @property
    def playing(self) -> bool:
        """Whether the playhead moves."""
        return self._playing

    @property
    def waiting(self) -> bool:
        """Whether the playhead will move as soon as there is music."""
        return self._pending is not None

    def position(self) -> float:
        """Return the roll tick of the playhead, extrapolated from the player's last anchor."""
        rest = self._rest
        now = self._hand_over.roll_now() if self._playing else None
        return float(rest) if now is None else max(0.0, now)

    # -- the thread --------------------------------------------------------------------------

    def run(self) -> None:
        """Serve posted calls, hand over, sample ahead; an error becomes a sentence."""
        while not self._closing:
            worked = False
            try:
                self._wake.clear()
                while not self._closing and not self._inbox.empty():
                    self._inbox.get_nowait()()
                self._begin_if_ready()
                if self._playing:
                    self._play_on()
                worked = self._sample_ahead()
            except UserError as error:
                self._events.put(Trouble(str(error)))
            except Exception as error:
                self._events.put(
                    Trouble(f"The sampler stumbled ({type(error).__name__}: {error}); playing on.")
                )
            if not worked and not self._closing and self._inbox.empty():
                self._wake.wait(IDLE_WAIT_S if self._playing else None)

    # -- commands ----------------------------------------------------------------------------

    def load(self, path: Path) -> None:
        """Let another model go on from what has sounded, without a gap."""
        stored = load_model(path)
        if self._playing and self._stale is None:
            self._hand_over.advance(LOADING_S)
        known = 0 if self._answer is None else len(self._answer) * self._frame
        changed = self._take_up(stored, self.generated_starting(0, known), known, sounding=True)
        self._events.put(ModelLoaded(path, stored.header))
        self._events.put(Truncated(self._sounded * self._frame))
        self._publish(changed)  # what sounded on beyond has been cut there
        self._publish_passage()

    def recall(self, heard: Sequence[Note], n_frames: int, frame_ticks: int | None = None) -> None:
        """Take up music of earlier as what has sounded; the model goes on from it."""
        if self.stored is not None:
            self._interrupt()
            self._take_up(self.stored, heard, n_frames * (frame_ticks or self._frame))
            self._publish(0)
            self._events.put(Sounded(self._sounded * self._frame))

    def _take_up(
        self, stored: StoredModel, notes: Sequence[Note], end_tick: int, *, sounding: bool = False
    ) -> int:
        """Let a model go on from notes, or those that have sounded; return where they were cut."""
        answer = Answer(
            stored, self._score, self._mode, self._articulation, self._meter, notes, end_tick
        )
        n_frames, changed = len(answer), end_tick
        if sounding:  # only now is called back what is coming: all that takes long is done
            n_frames = min(n_frames, -(-self._interrupt() * self._frame // answer.grid.frame))
            changed = min(changed, answer.truncate(n_frames))
        self.stored, self._answer = stored, answer
        self._sounded, self._stale = n_frames, None
        return changed

    def set_score(self, score: Score) -> None:
        """Take over an edited drawing."""
        changed = score.first_difference(self._score)
        if changed is None:
            return
        frozen = self._interrupt()
        self._score = score
        self._constrain(frozen)
        self._hand_over.mend()
        if self._playing:  # what was called back is due before the picture is
            self._hand_over.advance()
            self._sample_to(frozen + 1)
            self._hand_over.advance()
        self._publish(max(0, changed - self._meter.bar_ticks))

    def set_mode(self, mode: Mode) -> None:
        """Change what is done with the drawn notes."""
        frozen = self._interrupt()
        self._mode = mode
        self._constrain(frozen)

    def set_sampling(self, sampling: Sampling) -> None:
        """Change seed, temperature or Gibbs steps, from the playhead on."""
        if sampling != self._sampling:
            frozen = self._interrupt()
            self._sampling = sampling
            self._truncate(frozen)

    def set_articulation(self, articulation: Articulation) -> None:
        """Change how held keys are struck, from the next frame on, where the model leaves it."""
        frozen = self._interrupt()
        self._articulation = articulation
        if self._answer is not None:
            self._answer.set_articulation(articulation)
            self._voice_anew(frozen)

    def set_meter(self, meter: Meter) -> None:
        """Change where the bars are; a model that is told them plays on anew from the playhead."""
        frozen, before = self._interrupt(), self._meter
        self._meter = meter
        if self._answer is not None:
            self._answer.set_meter(meter)
            if meter != before and self._answer.follows_bars:
                self._truncate(frozen)
            else:
                self._voice_anew(frozen)

    def set_bpm(self, bpm: float) -> None:
        """Change the tempo; notes already handed over keep their ticks."""
        self._bpm = bpm
        self._hand_over.tempo(bpm)

    def set_loop(self, loop: Loop | None) -> None:
        """Repeat a stretch of the roll, or no more."""
        self._interrupt()
        self._hand_over.loop = loop

    def play(self, until: int | None = None) -> None:
        """Start at the playhead; stop at the roll tick ``until`` where it is given."""
        if not self._playing:
            self._hand_over.until = until
            self._pending, self._dried = self._rest, False
            self._begin_if_ready()

    def listen(self, notes: Sequence[Note], bpm: float) -> None:
        """Sound notes apart from the roll, which pauses."""
        self.pause()
        self._hand_over.listen(notes, bpm)

    def hush(self) -> None:
        """End what ``listen`` began."""
        if self.listened_to() is not None:
            self.pause()

    def pause(self) -> None:
        """Silence, with the playhead where it is."""
        if self._playing or self._pending is not None or self.listened_to() is not None:
            self._halt(round(self.position()))

    def stop(self) -> None:
        """Silence, with the playhead at the start (of the loop where there is one)."""
        loop = self._hand_over.loop
        self._halt(loop.first if loop else 0)

    def seek(self, tick: int) -> None:
        """Put the playhead elsewhere and go on from there if it was moving."""
        if self._playing:
            self._note_sounded(*self._hand_over.heard())
            self._hand_over.end()
            self._wraps_at = 0.0
            self._playing, self._pending = False, tick
        elif self._pending is not None:
            self._pending = tick
        self._rest = tick
        self._begin_if_ready()

    # -- the transport -----------------------------------------------------------------------

    @property
    def _frame(self) -> int:
        return self._answer.grid.frame if self._answer is not None else PPQ

    def _begin_if_ready(self) -> None:
        """Start where it is wanted; frames not there yet are drawn first, turn by turn."""
        tick = self._pending
        if tick is None:
            return
        self.arrive(tick)
        frame = tick // self._frame
        if self._answer is not None and len(self._answer) == frame:
            self._sample_to(frame + 1)
        ahead_s = DRIED_AHEAD_S if self._dried else HANDED_AHEAD_S
        wanted = max(tick + 1, self._hand_over.wanted(tick, ahead_s, self._bpm))
        if self.drawn_to >= wanted:
            held: list[Part] = [
                (note, True) for note in self._score.overlapping(tick, tick + 1) if note.on < tick
            ]
            if self._answer is not None:
                held += [(note, False) for note in self._answer.sounding(tick)]
            self._hand_over.begin(tick, self._bpm, held)
            self._pending, self._rest, self._playing, self._dried = None, tick, True, False
            self._events.put(Playing(True))

    def _play_on(self) -> None:
        (position, now), until = self._hand_over.heard(), self._hand_over.until
        overdue = self._hand_over.overdue()
        if until is not None and position >= until:
            self._halt(until)
        elif overdue is not None:
            self._run_dry(overdue)
        else:
            self._hand_over.advance()
            self._note_sounded(position, now)

    def _run_dry(self, tick: int) -> None:
        """Wait at a roll tick that came too late, for more: no note is passed over unheard."""
        self._note_sounded(tick, self._hand_over.given_to)
        self._hand_over.end()
        self._wraps_at = 0.0
        self._rest, self._playing, self._pending, self._dried = tick, False, tick, True

    def _halt(self, tick: int) -> None:
        if self._playing:
            self._note_sounded(*self._hand_over.heard())
        self._hand_over.end()
        self._rest, self._playing, self._pending = tick, False, None
        self._wraps_at = 0.0
        self._events.put(Playing(False))

    def arrive(self, roll_tick: int) -> None:
        """Make good, where the playhead comes to pass it again, what an edit has overtaken."""
        if self._stale is not None and roll_tick // self._frame <= self._stale:
            if self._playing:
                self._wraps_at = self._hand_over.given_to
            self._truncate(self._stale)

    def _interrupt(self) -> int:
        """Call back what has not sounded; return the first frame that may be drawn anew."""
        if not self._playing:
            return min(ceil(self._rest / self._frame), self._sounded)
        sent, soon = self._hand_over.interrupt(FREEZE_S)
        self._note_sounded(sent, self._hand_over.given_to)
        return ceil(soon / self._frame)

    def _note_sounded(self, roll_tick: float, play_tick: float) -> None:
        if play_tick < self._wraps_at:
            return
        n_frames = ceil(roll_tick / self._frame)
        if n_frames > self._sounded:
            self._sounded = n_frames
            self._events.put(Sounded(n_frames * self._frame))

    # -- sampling ----------------------------------------------------------------------------

    def _constrain(self, frozen: int) -> None:
        """Derive the constraints anew; draw again what they change, now or at the next pass."""
        if self._answer is None:
            return
        changed = self._answer.constrain(self._score, self._mode)
        behind, ahead = changed[changed < frozen], changed[changed >= frozen]
        if behind.size:
            first = int(behind[0])
            self._stale = first if self._stale is None else min(self._stale, first)
        if ahead.size:
            self._truncate(int(ahead[0]))
        self._publish_passage()

    def _truncate(self, n_frames: int) -> None:
        if self._answer is None:
            return
        if self._stale is not None and n_frames <= self._stale:
            self._stale = None
        if n_frames < len(self._answer):
            changed = self._answer.truncate(n_frames)
            self._sounded = min(self._sounded, n_frames)
            self._events.put(Truncated(n_frames * self._frame))
            self._publish(changed)
            self._hand_over.mend()

    def _voice_anew(self, n_frames: int) -> None:
        if self._answer is not None:
            self._publish(self._answer.voice_anew(n_frames))
            self._hand_over.mend()

    def _sample_ahead(self) -> bool:
        """Draw one more frame if the look-ahead is short; tell whether there was work."""
        if self._answer is None:
            return False
        start = self.position() if self._pending is None else self._pending
        least = DRIED_AHEAD_S * ticks_per_second(self._bpm)  # of short bars eight are not enough
        ahead = max(LOOK_AHEAD_BARS * self._meter.bar_ticks, least)
        wanted = ceil((start + ahead) / self._frame)
        if len(self._answer) >= wanted:
            return False
        self._sample_to(len(self._answer) + 1)
        return True

    def _sample_to(self, n_frames: int) -> None:
        answer = self._answer
        if answer is None:
            return
        begin, changed = len(answer), len(answer) * self._frame
        while len(answer) < n_frames and not self._closing:
            begin_s = time.monotonic()
            changed = min(changed, answer.extend(self._sampling))
            if not self.under_way.is_set():
                self._hasten(time.monotonic() - begin_s)
        if len(answer) > begin:
            self._publish(changed, glow_from=begin)
        if len(answer) >= ENOUGH_FRAMES:
            self.under_way.set()

    def _hasten(self, took_s: float) -> None:
        """Load the compiled kernel before all else, if it is kept, where the plain one is slow."""
        if took_s * ticks_per_second(self._bpm) > SLOW * self._frame:
            self.under_way.set()
            with suppress(Exception):  # who compiles it tells of it
                kernels.load_kernel()

    def _publish(self, from_tick: int, glow_from: int | None = None) -> None:
        if self._answer is None:
            return
        n_frames, step = len(self._answer), self._frame
        glow_from = n_frames if glow_from is None else glow_from
        notes = tuple(self.generated_starting(from_tick, n_frames * step))
        glow = self._answer.glow(glow_from)
        self._events.put(Generated(from_tick, notes, n_frames * step, step, glow_from, glow))

    def _publish_passage(self) -> None:
        first, last = (0, 0) if self._answer is None else self._answer.passage
        self._events.put(Passage((first, last) if last > first else None))

    # -- what there is to play ---------------------------------------------------------------

    @property
    def drawn_to(self) -> float:
        """The roll tick up to which the model has answered; no end where there is none."""
        return inf if self._answer is None else len(self._answer) * self._frame

    def starting(self, first: int, last: int) -> list[Part]:
        """Return the drawn and generated notes with ``first <= on < last``."""
        drawn: list[Part] = [(note, True) for note in self._score.starting(first, last)]
        return drawn + [(note, False) for note in self.generated_starting(first, last)]

    def at(self, on: int, pitch: int, *, drawn: bool) -> Note | None:
        """Return the note that begins there as it is now, None if it is gone."""
        notes: Sequence[Note] = (
            self._score.starting(on, on + 1) if drawn else self.generated_starting(on, on + 1)
        )
        return next((note for note in notes if note.pitch == pitch), None)

    def generated_starting(self, first: int, last: int) -> list[Note]:
        """Return the generated notes, clear of the drawn ones, with ``first <= on < last``."""
        return [] if self._answer is None else self._answer.starting(first, last)
