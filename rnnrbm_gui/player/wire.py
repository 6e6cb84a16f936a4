"""The chosen output, and the account of what sounds there."""

import contextlib
import sys
from collections import deque
from collections.abc import Iterable

from rnnrbm_gui.player.audio import Speaker
from rnnrbm_gui.player.ports import MidiError, MidiPorts, Port, display_name
from rnnrbm_gui.player.protocol import BUILT_IN, VIRTUAL, OutputId, OutputState
from rnnrbm_gui.player.schedule import Key, Stroke

NOTE_OFF, NOTE_ON, CONTROL, PROGRAM = 0x80, 0x90, 0xB0, 0xC0
BANK, SUSTAIN, ALL_SOUND_OFF, ALL_NOTES_OFF = 0, 64, 120, 123
RELEASE_VELOCITY = 64  # what MIDI asks of keyboards that do not measure it

NO_VIRTUAL_PORTS = (
    "Windows has no virtual MIDI ports: install a loop-back driver such as loopMIDI and choose "
    "its port."
)

DOUBTFUL_S = 1.5
"""A receiver may have gone so long before it was last listed."""


class SpeakerPort:
    """The built-in synth as a port."""

    def __init__(self, speaker: Speaker) -> None:
        self._speaker = speaker

    def send(self, message: list[int], due_s: float) -> None:
        """Play a note message; of the controllers only those that end everything are known."""
        status, channel = message[0] & 0xF0, message[0] & 0x0F
        if status in (NOTE_ON, NOTE_OFF):
            velocity = message[2] if status == NOTE_ON else 0
            self._speaker.stroke(channel, message[1], velocity, due_s)
        elif status == CONTROL and message[1] in (ALL_SOUND_OFF, ALL_NOTES_OFF):
            self._speaker.all_off()

    def close(self) -> None:
        """Nothing to give back: the synth stays for whoever chooses it again."""


class Wire:
    """Sends strokes to the chosen output, loses it, takes it again.

    ``owed`` are the keys that may sound at the receiver: their offs go first when it is back. The
    output is always the wanted one; nothing else is taken in its place.
    """

    def __init__(self, ports: MidiPorts, speaker: Speaker) -> None:
        self.output = BUILT_IN
        self.state: OutputState | None = None
        self.owed: dict[Key, None] = {}  # a set in the order of the strikes
        self._ports, self._speaker = ports, speaker
        self._port: Port | None = SpeakerPort(speaker)
        self._programs: dict[int, tuple[int | None, int | None]] = {}
        self._debts: dict[OutputId, dict[Key, None]] = {}  # of outputs that were left while lost
        self._ended: deque[tuple[float, Key]] = deque(maxlen=256)  # offs sent of late
        self._listed_s = 0.0  # when the output was last there

    def stroke(self, stroke: Stroke) -> None:
        """Send a note-on or note-off; offs only for what was struck here."""
        if self._port is None:
            return
        key = (stroke.channel, stroke.pitch)
        if stroke.velocity:
            self.owed[key] = None
            self._send([NOTE_ON | key[0], key[1], stroke.velocity], stroke.due_s)
        elif key in self.owed:
            self._off(key, stroke.due_s)

    def silence(self, now_s: float) -> None:
        """Send the off of everything struck and not yet ended here."""
        if self._port is not None:
            for key in list(self.owed):
                self._off(key, now_s)

    def sweep(self, channels: Iterable[int], now_s: float, *, sound_off: bool = False) -> None:
        """Let the pedal go and end all notes on channels; ``sound_off`` cuts their tails too."""
        for channel in channels:
            self._send([CONTROL | channel, SUSTAIN, 0], now_s)
            self._send([CONTROL | channel, ALL_NOTES_OFF, 0], now_s)
            if sound_off:
                self._send([CONTROL | channel, ALL_SOUND_OFF, 0], now_s)

    def program(self, channel: int, program: int | None, bank: int | None, now_s: float) -> None:
        """Choose a sound, now and whenever the output is opened again."""
        self._programs[channel] = (program, bank)
        self._send_program(channel, now_s)

    def choose(
        self, output: OutputId, owed: Iterable[Key], now_s: float, *, lost: bool = False
    ) -> OutputState | None:
        """Leave the old output silent and open another; return what came of it.

        None where its API has not been admitted or refused yet: the answer comes later.
        """
        if output == self.output and self._port is not None:
            self.owed.update(dict.fromkeys(owed))
        else:
            self.silence(now_s)
            if self.owed:
                self._debts[self.output] = self.owed
            self.close()
            self._ended.clear()
            self.output, self.owed = output, self._debts.pop(output, {})
            self.owed.update(dict.fromkeys(owed))
        if self._port is None and lost and output not in self._ports.outputs():
            return self._lost()
        if self._port is None:
            return self._open("open", now_s)
        self.silence(now_s)
        return self._say("open", f"{output} plays.")

    def refused(self, api: str, reason: str) -> OutputState | None:
        """Tell once that the output cannot be opened since its API does not answer."""
        if self._port is not None or api != self.output.api or self.state is not None:
            return None
        return self._say("failed", f"{self.output} cannot be opened: {reason}.")

    def watch(self, outputs: tuple[OutputId, ...], now_s: float) -> OutputState | None:
        """Notice that the output has gone or is back among those that are there now."""
        for output in [output for output in self._debts if output in outputs]:
            self._pay(output, now_s)
        there = self.output in outputs
        if self._port is not None and not there:
            if self._ports.answers(self.output.api):
                self.silence(now_s)  # whoever else is connected to our port is still there
            # Offs of the last moments may have gone into a server that had already stopped.
            since_s = self._listed_s - DOUBTFUL_S
            self.owed.update({key: None for at_s, key in self._ended if at_s > since_s})
            self.close()
            return self._lost()
        if there:
            self._listed_s = now_s
        if self._port is None and there:
            lost = self.state is not None and self.state.state == "lost"
            return self._open("back" if lost else "open", now_s)
        return None

    def _off(self, key: Key, due_s: float) -> None:
        del self.owed[key]
        self._ended.append((due_s, key))
        self._send([NOTE_OFF | key[0], key[1], RELEASE_VELOCITY], due_s)

    def _open(self, state: str, now_s: float) -> OutputState | None:
        if self.output == BUILT_IN:
            self._port = SpeakerPort(self._speaker)
        elif not self._ports.answers(self.output.api):
            self.state = None
            if self.output == VIRTUAL and sys.platform == "win32":
                return self._say("failed", NO_VIRTUAL_PORTS)
            return None
        else:
            try:
                self._port = self._ports.open(self.output)
            except MidiError as error:
                if self.state is not None and self.state.state == "failed":
                    return None
                where = display_name(self.output.api)
                return self._say("failed", f"{self.output} ({where}) cannot be opened: {error}.")
        for channel in self._programs:
            self._send_program(channel, now_s)
        self.silence(now_s)
        return self._say(state, f"{self.output} plays{' again' if state == 'back' else ''}.")

    def _lost(self) -> OutputState:
        return self._say(
            "lost",
            f"{self.output} has gone: the roll plays on unheard. It is taken up again when it is "
            "back; or choose another output.",
        )

    def _pay(self, output: OutputId, now_s: float) -> None:
        """Send the offs owed to an output that is back, though another is chosen now."""
        owed = self._debts.pop(output)
        with contextlib.suppress(MidiError):
            port = self._ports.open(output)
            for channel, pitch in owed:
                port.send([NOTE_OFF | channel, pitch, RELEASE_VELOCITY], now_s)
            port.close()

    def close(self) -> None:
        """Give the port back; what was sent to it still arrives."""
        if self._port is not None:
            self._port.close()
        self._port = None
        self.state = None

    def _say(self, state: str, sentence: str) -> OutputState:
        self.state = OutputState(self.output, state, sentence, tuple(self.owed))
        return self.state

    def _send_program(self, channel: int, now_s: float) -> None:
        program, bank = self._programs[channel]
        if bank is not None:
            self._send([CONTROL | channel, BANK, bank], now_s)
        if program is not None:
            self._send([PROGRAM | channel, program], now_s)

    def _send(self, message: list[int], due_s: float) -> None:
        if self._port is not None:
            self._port.send(message, due_s)
