"""The account of what sounds where, while outputs come and go."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from rnnrbm_gui.player.audio import Speaker
from rnnrbm_gui.player.ports import MidiError
from rnnrbm_gui.player.protocol import BUILT_IN, OutputId
from rnnrbm_gui.player.schedule import Stroke
from rnnrbm_gui.player.wire import DOUBTFUL_S, Wire

RED, BLUE = OutputId("jack", "red"), OutputId("jack", "blue")


class Port(list):
    """What a port was sent; nothing arrives once its receiver has gone."""

    there = True

    def send(self, message: list[int], due_s: float) -> None:
        if self.there:
            self.append(message)

    def close(self) -> None:
        self.there = False


class Rack:
    """Two receivers that remember what they heard, whichever port it came through."""

    def __init__(self) -> None:
        self.here = {RED, BLUE}
        self.heard: dict[OutputId, list[list[int]]] = {RED: [], BLUE: []}
        self.open_ports: list[tuple[OutputId, Port]] = []

    def outputs(self) -> tuple[OutputId, ...]:
        return (BUILT_IN, *self.here)

    def answers(self, api: str) -> bool:
        return True

    def open(self, output: OutputId) -> Port:
        if output not in self.here:
            raise MidiError("the port is not there")
        port = Port()
        self.open_ports.append((output, port))
        return port

    def gone(self, output: OutputId) -> None:
        self.here.discard(output)
        for its_output, port in self.open_ports:
            port.there = port.there and its_output != output

    def sounding(self, output: OutputId) -> set[int]:
        now: set[int] = set()
        sent = (m for its_output, port in self.open_ports for m in port if its_output == output)
        for status, pitch, velocity in sent:
            if status >> 4 == 9:
                assert velocity > 0
                now.add(pitch)
            elif status >> 4 == 8:
                now.discard(pitch)
        return now


def wire_to(rack: Rack) -> Wire:
    return Wire(rack, Speaker(lambda report: None, null=True))  # type: ignore[arg-type]


def on(pitch: int, at_s: float = 0.0) -> Stroke:
    return Stroke(at_s, 0, pitch, 80, None)


def off(pitch: int, at_s: float = 0.0) -> Stroke:
    return Stroke(at_s, 0, pitch, 0, None)


moves = st.one_of(
    st.tuples(st.sampled_from(["on", "off"]), st.integers(60, 63)),
    st.tuples(st.sampled_from(["choose", "gone", "back"]), st.sampled_from([RED, BLUE])),
    st.tuples(st.just("silence"), st.none()),
)


@given(st.lists(moves, max_size=30))
def test_nothing_sounds_on_at_any_receiver_that_is_there_in_the_end(asked: Iterable) -> None:
    rack = Rack()
    wire = wire_to(rack)
    struck: set[int] = set()
    wire.choose(RED, (), 0.0)
    for what, which in asked:
        match what:
            case "on" if which not in struck:
                struck.add(which)
                wire.stroke(on(which))
            case "off" if which in struck:
                struck.discard(which)
                wire.stroke(off(which))
            case "choose":
                wire.choose(which, (), 0.0)
            case "gone":
                rack.gone(which)
                wire.watch(rack.outputs(), 0.0)
            case "back":
                rack.here.add(which)
                wire.watch(rack.outputs(), 0.0)
            case "silence":
                wire.silence(0.0)
    wire.silence(0.0)
    rack.here = {RED, BLUE}
    wire.watch(rack.outputs(), 0.0)
    assert rack.sounding(RED) == rack.sounding(BLUE) == set()


def test_an_off_goes_only_where_its_on_went() -> None:
    rack = Rack()
    wire = wire_to(rack)
    wire.choose(RED, (), 0.0)
    wire.stroke(on(60))
    wire.choose(BLUE, (), 0.0)
    wire.stroke(off(60))
    (_, red), (_, blue) = rack.open_ports
    assert [m[:2] for m in red] == [[0x90, 60], [0x80, 60]]
    assert blue == []


def test_offs_sent_while_a_receiver_was_dying_are_sent_again() -> None:
    rack = Rack()
    wire = wire_to(rack)
    wire.choose(RED, (), 0.0)
    wire.stroke(on(60))
    wire.stroke(off(60, 5.0))  # long ago: it arrived
    wire.stroke(on(62))
    wire.stroke(off(62, 10.0))
    wire.watch(rack.outputs(), 10.0 + DOUBTFUL_S / 2)
    rack.gone(RED)
    wire.watch(rack.outputs(), 20.0)  # however late the loss is noticed
    rack.here.add(RED)
    state = wire.watch(rack.outputs(), 21.0)
    assert state is not None
    assert state.state == "back"
    assert [m[:2] for m in rack.open_ports[-1][1]] == [[0x80, 62]]


def test_programs_are_sent_again_where_the_output_is_opened_again() -> None:
    rack = Rack()
    wire = wire_to(rack)
    wire.program(3, 79, 1, 0.0)
    wire.choose(RED, (), 0.0)
    assert rack.open_ports[-1][1] == [[0xB3, 0, 1], [0xC3, 79]]
    rack.gone(RED)
    wire.watch(rack.outputs(), 0.0)
    rack.here.add(RED)
    wire.watch(rack.outputs(), 0.0)
    assert rack.open_ports[-1][1] == [[0xB3, 0, 1], [0xC3, 79]]


def test_panic_sweeps_pedal_notes_and_sounds_in_this_order() -> None:
    rack = Rack()
    wire = wire_to(rack)
    wire.choose(RED, (), 0.0)
    wire.sweep(range(16), 0.0, sound_off=True)
    expected = [[0xB0 | c, cc, 0] for c in range(16) for cc in (64, 123, 120)]
    assert rack.open_ports[-1][1] == expected
