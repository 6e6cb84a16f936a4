"""Undo and redo against a plain list of values with a place in it."""

from hypothesis import given
from hypothesis import strategies as st

from rnnrbm_gui.music.history import History

steps = st.lists(
    st.one_of(
        st.tuples(st.just("commit"), st.integers(0, 3)),
        st.tuples(st.sampled_from(["undo", "redo"]), st.just(0)),
    )
)


@given(steps)
def test_as_a_list_of_values_with_a_place_in_it(steps: list[tuple[str, int]]) -> None:
    history, values, names, place = History(0), [0], [""], 0
    for number, (what, value) in enumerate(steps):
        if what == "commit":
            history = history.commit(f"step {number}", value)
            if value != values[place]:
                values[place + 1 :], names[place + 1 :] = [value], [f"step {number}"]
                place += 1
        elif what == "undo":
            history = history.undone()
            place = max(place - 1, 0)
        else:
            history = history.redone()
            place = min(place + 1, len(values) - 1)
        assert history.present == values[place]
        assert history.undo_name == (names[place] if place else None)
        assert history.redo_name == (names[place + 1] if place + 1 < len(values) else None)


@given(st.lists(st.integers(0, 3)))
def test_undo_and_redo_are_inverse(values: list[int]) -> None:
    history = History(0)
    for value in values:
        history = history.commit("edit", value)
    if history.past:
        assert history.undone().redone() == history
    assert history.undone().redone().present == history.present


def test_an_equal_value_is_no_step() -> None:
    history = History((1, 2)).commit("edit", (3,)).undone()
    assert history.commit("nothing", (1, 2)) is history
