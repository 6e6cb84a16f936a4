"""One's own music: what is kept of a folder of MIDI files, on which grid, and why not the rest."""

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnrbm_gui.data import midi_corpus
from rnnrbm_gui.data.corpus import LOW, CorpusError, load_corpus
from rnnrbm_gui.data.midi_corpus import GRIDS
from rnnrbm_gui.data.midi_file import MidiTrack, write_midi
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.score import Score
from rnnrbm_gui.music.timing import PPQ, Meter
from tests.data.midi_folders import line, pieces, why_not, write

same_folder = settings(
    max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


# The grid


@pytest.mark.parametrize("grid", GRIDS)
def test_the_coarsest_grid_that_fits_is_found_and_told(tmp_path: Path, grid: int) -> None:
    pieces(tmp_path, 3, PPQ / grid)
    corpus = load_corpus(tmp_path)
    assert corpus.frames_per_beat == grid
    assert [piece.n_frames for piece in corpus.pieces] == [16, 16, 16]
    frames = "frame" if grid == 1 else "frames"
    assert (
        f"a grid of {grid} {frames} to the beat, as found: 3 of them lie on it"
        in (corpus.remarks[0])
    )


def test_a_human_hand_and_a_grace_note_do_not_make_the_grid_finer(tmp_path: Path) -> None:
    early_and_late = [
        Note(note.on + (-9, 0, 12)[i % 3] if i else 0, note.pitch, note.off + 9)
        for i, note in enumerate(line(PPQ / 2, 40))
    ]
    grace = Note(4 * PPQ + 70, 90, 4 * PPQ + 110)
    write(tmp_path / "train" / "a.mid", [*early_and_late, grace])
    assert load_corpus(tmp_path).frames_per_beat == 2
    between = [Note(beat * PPQ + PPQ // 4, 90, (beat + 1) * PPQ) for beat in range(4)]
    write(tmp_path / "train" / "a.mid", [*early_and_late, *between])
    assert load_corpus(tmp_path).frames_per_beat == 4


def test_the_grid_is_the_coarsest_of_four_pieces_in_five(tmp_path: Path) -> None:
    pieces(tmp_path, 8, PPQ)
    write(tmp_path / "sixteenths.mid", line(PPQ / 4))
    write(tmp_path / "triplets.mid", line(PPQ / 3))
    corpus = load_corpus(tmp_path)
    assert corpus.frames_per_beat == 1
    told = {piece.file: str(piece) for piece in corpus.pieces}
    # Of sixteenths a quarter, of triplets a third lies on the beat. Four beats are too short.
    assert "shorter than 8 frames" in told["sixteenths.mid"]
    write(tmp_path / "triplets.mid", line(PPQ / 3, 30))
    [triplets] = [p for p in load_corpus(tmp_path).pieces if p.file == "triplets.mid"]
    assert triplets.on_grid == pytest.approx(1 / 3)
    assert "67% of the onsets moved to the grid" in str(triplets)


def test_three_pieces_in_ten_make_the_grid_finer(tmp_path: Path) -> None:
    pieces(tmp_path, 7, PPQ)
    for i in range(3):
        write(tmp_path / f"sixteenths {i}.mid", line(PPQ / 4, pitch=60 + i))
    assert load_corpus(tmp_path).frames_per_beat == 4


def test_without_a_majority_the_grid_of_the_most_wins(tmp_path: Path) -> None:
    pieces(tmp_path, 3, PPQ / 3)
    write(tmp_path / "x.mid", line(PPQ / 4))
    write(tmp_path / "y.mid", line(PPQ / 4, pitch=50))
    assert load_corpus(tmp_path).frames_per_beat == 3


def test_music_played_freely_has_no_say(tmp_path: Path) -> None:
    for i in range(3):
        write(tmp_path / f"free {i}.mid", line(PPQ * 0.618, 40, pitch=50 + i))
    assert load_corpus(tmp_path).frames_per_beat == 4
    write(tmp_path / "strict.mid", line(PPQ / 2))
    assert load_corpus(tmp_path).frames_per_beat == 2


def test_a_grid_may_be_asked_for(tmp_path: Path) -> None:
    pieces(tmp_path, 2)
    corpus = load_corpus(tmp_path, frames_per_beat=4)
    assert (corpus.frames_per_beat, corpus.pieces[0].n_frames) == (4, 32)
    assert "as asked" in corpus.remarks[0]
    with pytest.raises(CorpusError, match="must divide 480 ticks, got 7"):
        load_corpus(tmp_path, frames_per_beat=7)


@same_folder
@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.integers(21, 108), st.integers(1, 9)),
        min_size=1,
        max_size=30,
    ),
    st.sampled_from(GRIDS),
)
def test_music_on_the_grid_becomes_exactly_its_frames(
    tmp_path: Path, sounds: list[tuple[int, int, int]], grid: int
) -> None:
    expected = np.zeros((60, 88), np.bool_)
    step = PPQ // grid
    # A note that holds all through, on its own key, keeps the piece long and its first bar full.
    for begin, pitch, n in [(0, 21, 50), *sounds]:
        expected[begin : begin + n, pitch - LOW] = True
    # One note for each run of frames, since a score cuts notes of one pitch that overlap.
    notes = [
        Note(int(a) * step, LOW + key, int(b) * step)
        for key in range(88)
        for a, b in np.flatnonzero(np.diff(np.pad(expected[:, key].astype(np.int8), 1))).reshape(
            -1, 2
        )
    ]
    write(tmp_path / "train" / "a.mid", notes)
    corpus = load_corpus(tmp_path, frames_per_beat=grid)
    [roll] = corpus.split("train")
    assert np.array_equal(roll, expected[: len(roll)])
    assert not expected[len(roll) :].any()


def test_whole_bars_of_silence_at_the_beginning_are_left_out(tmp_path: Path) -> None:
    write(tmp_path / "train" / "a.mid", line(PPQ, later=7 * PPQ), Meter(3, 4))
    [roll] = load_corpus(tmp_path).split("train")
    assert not roll[0].any()  # two bars of three are gone, the rest before the upbeat stays
    assert roll[1].any()
    assert len(roll) == 17
    write(tmp_path / "train" / "a.mid", line(PPQ, later=3 * PPQ * 3 // 2), Meter(3, 8))
    [roll] = load_corpus(tmp_path).split("train")
    assert list(roll.any(axis=1)[:4]) == [False, False, False, True]  # a bar of 3/8 ends in a beat


# The files


def test_every_file_is_accounted_for(tmp_path: Path) -> None:
    pieces(tmp_path, 2)
    (tmp_path / "broken.mid").write_bytes(b"MThd")
    (tmp_path / "empty.mid").write_bytes(b"")
    write(tmp_path / "no notes.mid", [])
    drums = MidiTrack("", Score.of(line(PPQ / 2)), channel=9)
    write_midi(tmp_path / "drums.mid", [drums], bpm=120.0, meter=Meter())
    write(tmp_path / "short.mid", line(PPQ / 2, 7))
    write(tmp_path / "high.mid", line(PPQ / 2, pitch=110))
    write(tmp_path / "again.MIDI", line(PPQ / 2, pitch=49))
    (tmp_path / "gone.mid").symlink_to(tmp_path / "nowhere.mid")
    (tmp_path / "folder.mid").mkdir()
    (tmp_path / "._piece 00.mid").write_bytes(b"what another system writes beside a file")
    (tmp_path / "notes.txt").write_text("not music")
    corpus = load_corpus(tmp_path)
    assert why_not(corpus) == {
        "broken.mid": "cannot be read: its header is cut off",
        "drums.mid": "cannot be read: it has drums but no notes",
        "empty.mid": "cannot be read: it is not a MIDI file: it does not begin with “MThd”",
        "gone.mid": "cannot be opened: it does not exist",
        "high.mid": "has no notes in 21..108",
        "no notes.mid": "cannot be read: it has no notes",
        "piece 01.mid": "has the same notes as “again.MIDI”",
        "short.mid": "is shorter than 8 frames of 1/2 beat",
    }
    assert [piece.file for piece in corpus.pieces if piece.part] == ["again.MIDI", "piece 00.mid"]
    assert len(corpus.remarks) == 11
    assert corpus.remarks[0].startswith("2 of 10 MIDI files were kept (1 for train, 1 for valid)")
    assert "“drums.mid” was left out: it cannot be read: it has drums but no notes." in (
        corpus.remarks
    )


def test_notes_outside_of_the_keyboard_are_counted_and_left_out(tmp_path: Path) -> None:
    low_and_high = [Note(0, 20, PPQ), Note(0, 109, PPQ), Note(0, 21, PPQ), Note(0, 108, PPQ)]
    write(tmp_path / "train" / "a.mid", [*low_and_high, *line(PPQ)])
    corpus = load_corpus(tmp_path)
    assert corpus.pieces[0].n_outside == 2
    assert "2 notes outside of 21..108 left out" in str(corpus.pieces[0])
    assert list(np.flatnonzero(corpus.split("train")[0][0])) == [0, 60 - LOW, 87]


def test_what_the_reader_left_out_is_told_too(tmp_path: Path) -> None:
    tracks = [MidiTrack("", Score.of(line(PPQ))), MidiTrack("", Score.of(line(PPQ)), channel=9)]
    (tmp_path / "train").mkdir()
    write_midi(tmp_path / "train" / "a.mid", tracks, bpm=120.0, meter=Meter())
    assert "drums on channel 10: 16 notes" in str(load_corpus(tmp_path).pieces[0])


def test_sub_folders_are_searched_and_a_loop_of_links_ends(tmp_path: Path) -> None:
    write(tmp_path / "a" / "deep" / "er" / "x.mid", line(PPQ))
    write(tmp_path / "b" / "y.mid", line(PPQ, pitch=50))
    (tmp_path / "a" / "deep" / "up").symlink_to(tmp_path)
    (tmp_path / "b" / "itself").symlink_to(tmp_path / "b" / "itself")
    corpus = load_corpus(tmp_path)
    assert [piece.file for piece in corpus.pieces] == ["a/deep/er/x.mid", "b/y.mid"]


def test_a_folder_that_cannot_be_looked_into_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces(tmp_path, 2)
    (tmp_path / "locked").mkdir()
    look = Path.iterdir

    def refuse(folder: Path) -> Iterable[Path]:  # root, who runs tests too, is never refused
        if folder.name == "locked":
            raise PermissionError(13, "Permission denied")
        return look(folder)

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert why_not(load_corpus(tmp_path)) == {"locked": "is a folder that cannot be looked into"}
    with pytest.raises(CorpusError, match=r"'locked' cannot be looked into \(permission denied\)"):
        load_corpus(tmp_path / "locked")


def test_a_whole_disk_is_no_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(midi_corpus, "MOST_ENTRIES", 3)
    pieces(tmp_path, 3)
    assert load_corpus(tmp_path).pieces
    (tmp_path / "notes.txt").touch()
    with pytest.raises(CorpusError, match="over 3 files and folders"):
        load_corpus(tmp_path)


def test_the_tempo_is_the_middle_one_and_the_meter_the_most_frequent(tmp_path: Path) -> None:
    tempi_and_meters = [(60.0, Meter(3, 4)), (150.0, Meter()), (90.0, Meter(3, 4))]
    for i, (bpm, meter) in enumerate(tempi_and_meters):
        track = MidiTrack("", Score.of(line(PPQ, pitch=50 + i)))
        write_midi(tmp_path / f"{i}.mid", [track], bpm=bpm, meter=meter)
    corpus = load_corpus(tmp_path)
    assert (corpus.bpm, corpus.meter) == (90.0, Meter(3, 4))


def test_a_name_that_is_no_text_is_shown_all_the_same(tmp_path: Path) -> None:
    pieces(tmp_path, 2)
    os.rename(  # noqa: PTH104 - a Path cannot hold it
        os.fsencode(tmp_path / "piece 01.mid"), os.fsencode(tmp_path) + b"/caf\xe9.mid"
    )
    assert "caf\\udce9.mid" in "".join(load_corpus(tmp_path).remarks).encode().decode()


def test_the_files_are_only_read(tmp_path: Path) -> None:
    pieces(tmp_path, 3)
    write(tmp_path / "short.mid", line(PPQ, 2))
    (tmp_path / "broken.mid").write_bytes(b"MThd")

    def state() -> dict[Path, tuple[bytes, int]]:
        return {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in tmp_path.rglob("*")}

    before = state()
    for path in before:
        path.chmod(0o444)
    load_corpus(tmp_path)
    assert state() == before
    assert len(before) == 5
