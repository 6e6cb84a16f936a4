"""MIDI outputs over every API of rtmidi that answers, by name.

A call into an API can hang or crash (a JACK server that is stopped or gone), so an API is only used
once a throw-away process has come back from it (``probe``), and ``entering`` is told before and
after each such call.
"""

import os
import re
import sys
from collections.abc import Callable
from typing import Any, Protocol

from msgspec import Struct

from rnnrbm_gui.player.jack_pulse import JackPulse
from rnnrbm_gui.player.protocol import BUILT_IN, VIRTUAL, OutputId

try:
    import rtmidi
except ImportError:  # no wheel for this Python: the built-in synth still plays
    rtmidi = None

CLIENT, LISTER = "rnnrbm-gui", "rnnrbm-gui list"
VIRTUAL_APIS = ("alsa", "jack", "core")  # Windows has no virtual ports

os.environ["JACK_NO_START_SERVER"] = "1"  # looking for a server must not start one


class MidiError(Exception):
    """An API or a port that cannot be used; the text is a clause that says why."""


class Port(Protocol):
    """Where messages go; a test's double is a list."""

    def send(self, message: list[int], due_s: float) -> None:
        """Send the bytes of one MIDI message that was due at ``due_s``."""

    def close(self) -> None:
        """Give the port back."""


def apis() -> tuple[str, ...]:
    """Return the names of the APIs that rtmidi was built with here."""
    if rtmidi is None:
        return ()
    names = (rtmidi.get_api_name(api) for api in rtmidi.get_compiled_api())
    return tuple(name for name in names if name not in ("dummy", "web"))


def midi_apis(only: str | None = None) -> list[tuple[str, tuple[str, ...] | str]]:
    """Return each API (or only one) with its ports, or with the reason why it does not answer.

    May hang or print to standard error; meant for a throw-away process.
    """
    found: list[tuple[str, tuple[str, ...] | str]] = []
    for api in apis():
        if only not in (None, api):
            continue
        try:
            found.append((api, tuple(_names(_client(api, LISTER)))))
        except MidiError as error:
            found.append((api, str(error)))
    return found


class _Api(Struct):
    """An admitted API: a kept client that lists, and for JACK the pulse of the server."""

    lister: Any
    pulse: JackPulse | None


class MidiPorts:
    """The outputs of the admitted APIs.

    Attributes:
        lost: APIs that stopped answering since this was last emptied.
    """

    def __init__(self, entering: Callable[[str], None]) -> None:
        self.lost: list[str] = []
        self._entering = entering
        self._apis: dict[str, _Api] = {}
        self._standing: dict[str, _Api] = {}  # no call goes there until they move again
        self._left: dict[str, list[Any]] = {}  # clients of servers that stand still
        self._buried: list[Any] = []

    def admit(self, api: str) -> None:
        """Use an API from now on.

        Raises:
            MidiError: it does not answer.
        """
        if api in self._apis:
            return
        # WORKAROUND: rtmidi crashes when it closes a client whose server is gone, so keep it open.
        self._buried += [self._standing.pop(api, None), self._left.pop(api, None)]
        self._entering(api)
        try:
            pulse = JackPulse(rtmidi._rtmidi.__file__) if api == "jack" else None
            self._apis[api] = _Api(_client(api, LISTER), pulse)
        except OSError as error:
            raise MidiError(str(error)) from error
        finally:
            self._entering("")

    def answers(self, api: str) -> bool:
        """Tell whether an API is in use; that of a virtual port is the first that has them."""
        return (self._virtual_api() if api == VIRTUAL.api else api) in self._apis

    def watch(self, at_s: float) -> None:
        """Notice JACK servers that stand still, and those that move again. Never waits."""
        for api, known in [*self._apis.items()]:
            if known.pulse is not None and not known.pulse.beats(at_s):
                self._standing[api] = self._apis.pop(api)
                self.lost.append(api)
        for api, known in [*self._standing.items()]:
            if known.pulse is not None and known.pulse.beats(at_s):
                self._apis[api] = self._standing.pop(api)
                for client in self._left.pop(api, []):
                    self.leave(client, api)

    def outputs(self) -> tuple[OutputId, ...]:
        """Return every output there is now, the built-in synth first."""
        found = [BUILT_IN]
        for api, known in self._apis.items():
            found += [OutputId(api, name) for name in dict.fromkeys(_names(known.lister))]
        if self._virtual_api():
            found.append(VIRTUAL)
        return tuple(found)

    def open(self, output: OutputId) -> "MidiPort":
        """Open an output of an admitted API.

        Raises:
            MidiError: it is not there, or it refuses.
        """
        api = self._virtual_api() if output.api == VIRTUAL.api else output.api
        if api not in self._apis:
            raise MidiError(f"{display_name(output.api)} does not answer")
        self._entering(api)
        try:
            client = _client(api, CLIENT)
            if output.api == VIRTUAL.api:
                client.open_virtual_port(output.name)
            else:
                names = _names(client)
                if output.name not in names:
                    raise MidiError("the port is not there")
                client.open_port(names.index(output.name), "out")
                if (pulse := self._apis[api].pulse) is not None:
                    # WORKAROUND: JACK connects from the next cycle on, and what is sent in this one
                    # is lost: one opening in 30 lost the offs that a returning synth was owed.
                    # Notes that are due meanwhile, 2 to 100 ms, are late.
                    pulse.pass_cycles(2)
        except rtmidi.RtMidiError as error:
            raise MidiError(_reason(error)) from error
        finally:
            self._entering("")
        return MidiPort(client, api, self)

    def close(self) -> None:
        """Take leave of every API that answers."""
        for api, known in self._apis.items():
            self.leave(known.lister, api)
            if known.pulse is not None:
                known.pulse.close()

    def leave(self, client: Any, api: str) -> None:
        """Close a client; where its server does not answer, leave that for later."""
        if api not in self._apis:
            self._left.setdefault(api, []).append(client)
            return
        self._entering(api)
        client.close_port()
        client.delete()
        self._entering("")

    def _virtual_api(self) -> str:
        return next((api for api in VIRTUAL_APIS if api in self._apis), "")


class MidiPort:
    """An open MIDI output."""

    def __init__(self, client: Any, api: str, ports: MidiPorts) -> None:
        self._client, self._api, self._ports = client, api, ports

    def send(self, message: list[int], due_s: float) -> None:
        """Send a message now; nothing is sent where the server does not answer."""
        if self._ports.answers(self._api):
            self._client.send_message(message)

    def close(self) -> None:
        """Give the port back."""
        self._ports.leave(self._client, self._api)


def display_name(api: str) -> str:
    """Return the name of an API as a musician knows it."""
    known = {"jack": "JACK", "alsa": "ALSA", "core": "CoreMIDI", "winmm": "Windows MIDI"}
    return known.get(api, "The virtual port" if api == VIRTUAL.api else api)


def _client(api: str, name: str) -> Any:
    try:
        return rtmidi.MidiOut(rtmidi.get_compiled_api_by_name(api), name)
    except rtmidi.RtMidiError as error:
        raise MidiError(_reason(error)) from error


def _names(client: Any) -> list[str]:
    """Return the port names; ALSA's trailing numbers change when a device is plugged in again."""
    names = client.get_ports()
    if sys.platform.startswith("linux"):
        return [re.sub(r" \d+:\d+$", "", name) for name in names]
    return list(names)


def _reason(error: Exception) -> str:
    return str(error).split(": ", 1)[-1].rstrip(".?!")
