from hypothesis import given
from hypothesis import strategies as st

from rnnrbm_gui.music.note import Note
from rnnrbm_gui.ui.roll.track import Track

notes = st.builds(
    lambda on, pitch, length: Note(on, pitch, on + length),
    st.integers(0, 4000),
    st.integers(30, 40),
    st.integers(1, 900),
)
tracks = st.lists(notes, max_size=30).map(sorted)


def agrees(track: Track) -> None:
    assert track.notes == sorted(track.notes)
    assert track.columns.ons.tolist() == [note.on for note in track.notes]
    assert track.columns.offs.tolist() == [note.off for note in track.notes]
    assert track.columns.pitches.tolist() == [note.pitch for note in track.notes]


@given(tracks, tracks)
def test_the_changed_span_covers_every_difference(before, after):
    track = Track()
    track.set_notes(before)
    span = track.set_notes(after)
    agrees(track)
    assert track.notes == after
    changed = {n for n in before if n not in after} | {n for n in after if n not in before}
    if span is None:
        assert before == after
    for note in changed:
        assert span[0] <= note.on
        assert note.off <= span[1]


@given(tracks, st.integers(0, 4000), tracks)
def test_replacing_the_tail(before, tick, tail):
    tail = [note for note in tail if note.on >= tick]
    track = Track()
    track.set_notes(before)
    span = track.replace_from(tick, tail[::-1])
    agrees(track)
    assert track.notes == [note for note in before if note.on < tick] + tail
    assert span is None or span[0] >= tick


@given(tracks, st.integers(0, 5000), st.integers(1, 2000))
def test_culling_loses_no_note(notes, first, length):
    track = Track()
    track.set_notes(notes)
    found = track.notes[track.within(first, first + length)]
    assert [n for n in found if n.overlaps(first, first + length)] == [
        n for n in notes if n.overlaps(first, first + length)
    ]


def test_the_same_tail_again_changes_nothing():
    track = Track()
    tail = [Note(480, 60, 960), Note(960, 62, 1440)]
    assert track.replace_from(480, tail) == (480, 1440)
    assert track.replace_from(480, list(tail)) is None
