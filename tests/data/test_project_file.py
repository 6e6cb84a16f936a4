"""Projects come back as they were saved; anything else gives a sentence."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnrbm_gui.data.project_file import (
    Project,
    load_project,
    save_project,
)
from rnnrbm_gui.errors import FileError
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.roll import Articulation
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import Meter

same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

scores = st.lists(
    st.builds(
        lambda on, duration, pitch, velocity: Note(on, pitch, on + duration, velocity),
        st.integers(0, 1_000_000),
        st.integers(1, 3_000),
        st.integers(0, 127),
        st.integers(1, 127),
    ),
    max_size=20,
).map(Score.of)
projects = st.builds(
    Project,
    drawn=scores,
    generated=scores,
    generated_frames=st.integers(0, 2**31 - 1),
    mode=st.text(max_size=20),
    bpm=st.floats(20, 300),
    meter=st.builds(Meter, st.integers(1, 32), st.sampled_from([1, 2, 4, 8, 16, 32])),
    model=st.text(max_size=20),
    seed=st.integers(0, 2**64 - 1),
    take=st.integers(0, 2**64 - 1),
    temperature=st.floats(0, exclude_min=True, allow_infinity=False),
    gibbs_steps=st.integers(1, 10_000),
    articulation=st.sampled_from(Articulation),
    loop=st.none() | st.tuples(st.integers(0, 10_000), st.integers(10_001, 2**31 - 1)),
)


@same_folder
@given(projects)
def test_a_project_comes_back_as_it_was_saved(tmp_path: Path, project: Project) -> None:
    path = tmp_path / "song.rnnrbm"
    save_project(path, project)
    assert load_project(path) == project


def test_the_file_is_plain_json_with_its_format(tmp_path: Path) -> None:
    path = tmp_path / "song.rnnrbm"
    save_project(path, Project(drawn=Score.of([Note(0, 60, 480, 90)]), loop=(0, 1920)))
    fields = json.loads(path.read_text("utf-8"))
    assert (fields["format"], fields["drawn"]) == (1, [[0, 60, 480, 90]])
    assert (fields["bpm"], fields["meter"], fields["loop"]) == (120, [4, 4], [0, 1920])


def damaged(**changes: object) -> bytes:
    """A saved project with some of its fields changed, or taken out by an ellipsis."""
    fields = {
        "format": 1,
        "mode": "Continue",
        "bpm": 120,
        "meter": [4, 4],
        "model": "Bach",
        "seed": 1,
        "take": 0,
        "temperature": 1,
        "gibbs_steps": 25,
        "articulation": "tie",
        "loop": None,
        "generated_frames": 0,
        "drawn": [],
        "generated": [],
    }
    fields |= changes
    return json.dumps({k: v for k, v in fields.items() if v is not ...}).encode()


BROKEN = [
    (b"", "cut off or not a project, line 1"),
    (damaged()[:-9], "cut off or not a project, line 1"),
    (b"MThd\0\0\0\6\xff\xff", "it is not a project of this app"),
    (b"[" * 100_000, "it is not a project of this app"),
    (b"[1, 2]", "it is not a project of this app"),
    (b"{}", "it is not a project of this app"),
    (damaged(format=2), "knows format 1, got 2; a later version may know it"),
    (damaged(bpm=...), "“bpm” is missing"),
    (damaged(bpm="fast"), "“bpm” must be a number, got fast"),
    (damaged(bpm=1000), "bpm must be in 20..300, got 1000"),
    (damaged(bpm=float("nan")), "bpm must be in 20..300, got nan"),
    (damaged(bpm=10**400), "int too large to convert to float"),
    (damaged(temperature=0), "temperature must be above 0, got 0"),
    (damaged(gibbs_steps=0), "gibbs_steps must be in 1..2147483647, got 0"),
    (damaged(seed=True), "“seed” must be a whole number, got True"),
    (damaged(seed=2**64), "seed must be in 0..18446744073709551615, got"),
    (damaged(generated_frames=-1), "generated_frames must be in 0..2147483647, got -1"),
    (damaged(meter=[4, 3]), "denominator must be a power of two to 32, got 3"),
    (damaged(meter=[4]), "“meter” must be 2 whole numbers, got [4]"),
    (damaged(loop=[9, 9]), "loop must end after it begins, got (9, 9)"),
    (damaged(loop=[1.5, 9]), "“loop” must be 2 whole numbers, got [1.5, 9]"),
    (damaged(articulation="melt"), "'melt' is not a valid Articulation"),
    (damaged(drawn={}), "“drawn” must be a list, got {}"),
    (damaged(drawn=[[0, 60, 9, 9], [0, 60]]), "note 2 of “drawn” must be 4 whole numbers, got [0"),
    (damaged(generated=[[0, 131, 9, 9]]), "in note 1 of “generated”: pitch must be in 0..127, got"),
    (damaged(drawn=[[0, 60, 2**31, 9]]), "in note 1 of “drawn”: off must be 2147483647 or less"),
]


@pytest.mark.parametrize(("content", "sentence"), BROKEN, ids=[said for _, said in BROKEN])
def test_a_broken_project_gives_a_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "song.rnnrbm"
    path.write_bytes(content)
    with pytest.raises(FileError) as failure:
        load_project(path)
    assert sentence in str(failure.value)
    assert str(failure.value).startswith("“song.rnnrbm” cannot be read: ")
    assert str(failure.value).endswith(".")


@same_folder
@given(st.data())
def test_any_damage_gives_a_project_or_a_sentence(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(damaged(drawn=[[0, 60, 480, 80]], loop=[0, 960]))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content)))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    path = tmp_path / "any.rnnrbm"
    path.write_bytes(content)
    sentence, project = "", Project()
    try:
        project = load_project(path)
    except FileError as error:
        sentence = str(error)
    assert sentence.endswith(".") or 20 <= project.bpm <= 300


def test_a_hundred_thousand_notes_of_one_pitch_open_in_time(tmp_path: Path) -> None:
    path = tmp_path / "song.rnnrbm"
    path.write_bytes(damaged(drawn=[[i, 60, i + 2, 80] for i in range(100_000)]))
    begin_s = time.process_time()
    assert len(load_project(path).drawn) == 100_000
    assert time.process_time() - begin_s < 3
