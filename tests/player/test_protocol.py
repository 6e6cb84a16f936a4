import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnrbm_gui.player import protocol

st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
pitches, velocities = st.integers(0, 127), st.integers(1, 127)
st.register_type_strategy(
    protocol.TimedNote,
    st.builds(
        protocol.TimedNote,
        *(st.integers(),) * 3,
        pitches,
        velocities,
        st.integers(0, 15),
    ),
)
st.register_type_strategy(protocol.Strike, st.builds(protocol.Strike, pitches, velocities))
messages = st.one_of(
    *(
        st.from_type(kind)
        for kind in (*typing.get_args(protocol.Command), *typing.get_args(protocol.Report))
    )
)


@given(messages)
def test_every_message_survives_the_wire(message: object) -> None:
    line = protocol.encode(message)  # type: ignore[arg-type]
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert protocol.decode(line) == message


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"not json",
        b"[1, 2]",
        b'{"type": "Unknown"}',
        b'{"type": "Play"}',
        b'{"no": 1}',
        b'{"type": "Tempo", "bpm": 90, "more": 1}',
        b'{"type": "Strike", "pitch": 128, "velocity": 80}',
        b'{"type": "Strike", "pitch": 60, "velocity": 0}',
        b"\xff\xfe",
    ],
)
def test_a_broken_line_is_a_value_error(line: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (JSON's own message or ours)
        protocol.decode(line)


def test_the_clock_is_extrapolated_only_while_it_runs() -> None:
    anchor = protocol.Anchor(100.0, 5.0, 960.0, True, 1)
    assert anchor.tick_at(5.5) == 580.0
    assert protocol.Anchor(100.0, 5.0, 960.0, False, 1).tick_at(5.5) == 100.0
