"""One's own music: into which key it is brought, and into which part each piece goes."""

from pathlib import Path

import mido
import numpy as np
import pytest

from rnnrbm_gui.data.corpus import LOW, Corpus, CorpusError, load_corpus
from rnnrbm_gui.music.note import Note
from rnnrbm_gui.music.roll import Articulation, Grid
from rnnrbm_gui.music.timing import PPQ, Meter
from tests.data.midi_folders import line, pieces, why_not, write

# Keys


def test_pieces_are_brought_to_c_only_when_asked(tmp_path: Path) -> None:
    for part, tonic in (
        ("train", 2),
        ("valid", 9),
    ):  # a hymn in D, the other in A, with different last notes
        scale = [0, 4, 7, 12, 7, 4, 5, 9, 12, 7, 11, 12, tonic]
        notes = [Note(i * PPQ, 60 + tonic + p, (i + 1) * PPQ) for i, p in enumerate(scale)]
        write(tmp_path / part / "a.mid", notes)
    as_is, in_c = load_corpus(tmp_path), load_corpus(tmp_path, in_c=True)
    assert [piece.transposed for piece in as_is.pieces] == [0, 0]
    assert [piece.transposed for piece in in_c.pieces] == [-2, 3]
    assert "transposed by -2 semitones" in str(in_c.pieces[0])
    for part, shift in (("train", -2), ("valid", 3)):
        [plain], [moved] = as_is.split(part), in_c.split(part)
        assert np.array_equal(moved, np.roll(plain, shift, axis=1))


def test_the_keyboard_ends_where_the_music_goes_to(tmp_path: Path) -> None:
    in_d = [Note(i * PPQ, 62 + p, (i + 1) * PPQ) for i, p in enumerate((0, 4, 7, 12, 7, 4, 0, 0))]
    write(tmp_path / "train" / "a.mid", [*in_d, Note(0, 22, 9), Note(0, 110, 9)])
    [piece] = load_corpus(tmp_path, in_c=True).pieces
    assert (piece.transposed, piece.n_outside) == (-2, 1)  # 22 falls off, 110 comes in


def test_in_c_the_same_piece_in_another_key_is_the_same_piece(tmp_path: Path) -> None:
    pieces(tmp_path / "train", 2)
    assert not why_not(load_corpus(tmp_path))
    corpus = load_corpus(tmp_path, in_c=True)
    assert why_not(corpus) == {"train/piece 01.mid": "has the same notes as “train/piece 00.mid”"}


# The split


def test_a_tenth_is_for_valid_whatever_the_files_are_called(tmp_path: Path) -> None:
    pieces(tmp_path / "one", 20)
    pieces(tmp_path / "two", 20)
    for i in range(20):
        (tmp_path / "two" / f"piece {i:02}.mid").rename(tmp_path / "two" / f"{20 - i:02} other.mid")
    one, two = load_corpus(tmp_path / "one"), load_corpus(tmp_path / "two")
    assert {name: len(rolls) for name, rolls in one.splits.items()} == {"train": 18, "valid": 2}

    def valid(corpus: Corpus) -> set[bytes]:
        return {roll.tobytes() for roll in corpus.split("valid")}

    assert valid(one) == valid(two)


def test_folders_named_after_the_splits_are_the_splits(tmp_path: Path) -> None:
    for i, part in enumerate(("train", "train", "valid", "test")):
        write(tmp_path / part / f"{i}.mid", line(PPQ, pitch=50 + i))
    write(tmp_path / "train" / "copy.mid", line(PPQ, pitch=53))  # of the test piece
    write(tmp_path / "stray.mid", line(PPQ, pitch=70))
    corpus = load_corpus(tmp_path)
    assert {name: len(rolls) for name, rolls in corpus.splits.items()} == {
        "train": 2,
        "valid": 1,
        "test": 1,
    }
    assert why_not(corpus) == {
        "stray.mid": "lies in none of the folders test, train, valid",
        "train/copy.mid": "has the same notes as “test/3.mid”",
    }


def test_a_train_without_valid_gives_some_away(tmp_path: Path) -> None:
    pieces(tmp_path / "train", 11)
    write(tmp_path / "test" / "a.mid", line(PPQ, pitch=80))
    splits = load_corpus(tmp_path).splits
    assert {name: len(rolls) for name, rolls in splits.items()} == {
        "train": 9,
        "valid": 2,
        "test": 1,
    }


# Folders that are no corpus


def test_too_little_music_is_said_with_the_reasons(tmp_path: Path) -> None:
    write(tmp_path / "only.mid", line(PPQ))
    (tmp_path / "broken.mid").write_bytes(b"")
    with pytest.raises(CorpusError, match=r"2 MIDI files .* 1 can be used.*“broken.mid” was left"):
        load_corpus(tmp_path)


def test_a_folder_without_midi_and_a_single_file_are_told_from_a_corpus(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="has no MIDI files"):
        load_corpus(tmp_path)
    with pytest.raises(CorpusError, match="give the folder"):
        load_corpus(write(tmp_path / "a.mid", line(PPQ)))


def test_a_file_that_claims_much_silence_does_not_swell_the_corpus(tmp_path: Path) -> None:
    for i in range(5):
        file = mido.MidiFile(ticks_per_beat=1)
        file.tracks.append(
            mido.MidiTrack(
                mido.Message("note_on", note=60 + i, time=time) for time in (0, 1, 99_990 - i)
            )
        )
        file.save(tmp_path / f"{i}.mid")
    corpus = load_corpus(tmp_path, frames_per_beat=6)
    assert list(why_not(corpus).values()) == ["would make more than 2,000,000 frames in all"] * 2


@pytest.mark.corpus
def test_the_published_chorales_come_back_from_midi(corpora: Path, tmp_path: Path) -> None:
    published = load_corpus(corpora / "JSB Chorales.pickle")
    grid = Grid(1, LOW, 88)
    expected: dict[str, list[np.ndarray]] = {"train": [], "valid": []}
    for part, rolls in expected.items():
        for i, roll in enumerate(published.split(part)):
            write(tmp_path / part / f"{i:03}.mid", grid.notes_of(roll, Articulation.TIE, Meter()))
            rolls.append(roll)
    corpus = load_corpus(tmp_path)
    assert corpus.frames_per_beat == 1
    n_twice = sum("has the same notes" in why for why in why_not(corpus).values())
    assert len(why_not(corpus)) == n_twice
    kept = {piece.file for piece in corpus.pieces if piece.part}
    for part, rolls in expected.items():
        originals = [roll for i, roll in enumerate(rolls) if f"{part}/{i:03}.mid" in kept]
        for found, roll in zip(corpus.split(part), originals, strict=True):
            assert np.array_equal(found, roll)
    assert len(kept) > 290
