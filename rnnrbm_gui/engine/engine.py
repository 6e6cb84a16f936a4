"""The engine as the window and the command line see it: calls down, events up, no Qt."""

import queue
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rnnrbm_gui.engine.choices import Mode, Sampling
from rnnrbm_gui.engine.player_client import PlayerClient
from rnnrbm_gui.engine.timeline import Loop
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.roll import Articulation
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import Meter
from rnnrbm_gui.player.protocol import OutputId

if TYPE_CHECKING:
    from rnnrbm_gui.engine.compiler import Compiler
    from rnnrbm_gui.engine.generator import Generator

JOIN_LIMIT_S = 5.0


class Engine:
    """Joins the generator thread, the kernel's compilation and the player process.

    What is asked before ``start`` is done then, after the model is there.

    Thread: made, started and closed on one thread; every call returns at once but for ``start``
    and ``close``.
    """

    def __init__(self, *, audio: Literal["auto", "null"] = "auto") -> None:
        self.client = PlayerClient(audio=audio)
        self._events: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._generator: Generator | None = None
        self._asked: list[Callable[[Generator], None]] = []  # before there was a generator
        self._compiler: Compiler | None = None

    def start_player(self) -> None:
        """Start the player alone, which takes longest to be there."""
        self.client.start()

    def start(self, model: Path) -> None:
        """Load the model, get the kernel beside it, and start the player if it has not been.

        Imports NumPy and the models.
        """
        from rnnrbm_gui.engine.compiler import Compiler
        from rnnrbm_gui.engine.generator import Generator

        self.client.start()
        generator = Generator(self.client, self._events)
        generator.post(lambda: generator.load(model))
        for call in self._asked:
            generator.post(partial(call, generator))
        generator.start()
        self._generator = generator
        self._compiler = Compiler(generator.under_way, self._events.put)
        self._compiler.start()

    def close(self) -> None:
        """Silence every note, end the generator and the player."""
        self.client.pause()
        if self._compiler is not None:
            self._compiler.close()
        if self._generator is not None:
            self._generator.stop_thread()
            self._generator.join(JOIN_LIMIT_S)
        self.client.close()

    def _post(self, call: "Callable[[Generator], None]") -> None:
        generator = self._generator
        if generator is None:
            self._asked.append(call)
        else:
            generator.post(partial(call, generator))

    def poll(self) -> list[object]:
        """Return what has happened since the last call: engine's and player's events."""
        found: list[object] = list(self.client.poll())
        while not self._events.empty():
            found.append(self._events.get_nowait())
        return found

    @property
    def playing(self) -> bool:
        """Whether the playhead moves."""
        return self._generator is not None and self._generator.playing

    @property
    def waiting(self) -> bool:
        """Whether playing has been asked for and the model is not that far."""
        return self._generator is not None and self._generator.waiting

    def position(self) -> float:
        """Return the playhead in roll ticks."""
        return 0.0 if self._generator is None else self._generator.position()

    def load_model(self, path: Path) -> None:
        """Let another model go on from what has sounded."""
        self._post(lambda generator: generator.load(path))

    def recall(self, heard: Sequence[Note], n_frames: int, frame_ticks: int | None = None) -> None:
        """Take up generated notes of earlier as what has sounded.

        Args:
            heard: the notes.
            n_frames: in which they sounded.
            frame_ticks: of those frames; the model's own unless given.
        """
        self._post(lambda generator: generator.recall(heard, n_frames, frame_ticks))

    def set_score(self, score: Score) -> None:
        """Take over an edited drawing."""
        self._post(lambda generator: generator.set_score(score))

    def set_mode(self, mode: Mode) -> None:
        """Change what is done with the drawn notes."""
        self._post(lambda generator: generator.set_mode(mode))

    def set_sampling(self, sampling: Sampling) -> None:
        """Change seed, temperature or Gibbs steps."""
        self._post(lambda generator: generator.set_sampling(sampling))

    def set_articulation(self, articulation: Articulation) -> None:
        """Change how held keys are struck, where the model has not learned it."""
        self._post(lambda generator: generator.set_articulation(articulation))

    def set_meter(self, meter: Meter) -> None:
        """Change where the bars are."""
        self._post(lambda generator: generator.set_meter(meter))

    def set_bpm(self, bpm: float) -> None:
        """Change the tempo, in quarter notes a minute."""
        self._post(lambda generator: generator.set_bpm(bpm))

    def set_loop(self, loop: Loop | None) -> None:
        """Repeat a stretch of the roll, or no more."""
        self._post(lambda generator: generator.set_loop(loop))

    def play(self, until: int | None = None) -> None:
        """Start at the playhead; stop at the roll tick ``until`` where it is given."""
        self._post(lambda generator: generator.play(until))

    def pause(self) -> None:
        """Silence, with the playhead where it is."""
        self._post(lambda generator: generator.pause())

    def stop(self) -> None:
        """Silence, with the playhead back at the start."""
        self._post(lambda generator: generator.stop())

    def seek(self, tick: int) -> None:
        """Put the playhead at a tick of the roll."""
        self._post(lambda generator: generator.seek(tick))

    def listen(self, notes: Sequence[Note], bpm: float) -> None:
        """Let notes sound apart from the roll, at once, from their tick 0 on; the roll pauses."""
        self._post(lambda generator: generator.listen(notes, bpm))

    def hush(self) -> None:
        """End what ``listen`` began; the roll is left alone."""
        self._post(lambda generator: generator.hush())

    def listened_to(self) -> float | None:
        """Return the tick reached in what ``listen`` began, None when it is over."""
        return None if self._generator is None else self._generator.listened_to()

    def audition(self, pitch: int, sounding: bool) -> None:
        """Let a clicked key sound at once, or end it."""
        if sounding:
            self.client.strike(pitch, 80)
        else:
            self.client.release(pitch)

    def panic(self) -> None:
        """Stop, and silence every channel now, by every means MIDI has."""
        self.client.pause()
        self.client.panic()
        self.pause()

    def open_output(self, output: OutputId) -> None:
        """Play to another output; the old one is silenced first."""
        self.client.open_output(output)
