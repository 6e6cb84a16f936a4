import pickle
from pathlib import Path

import numpy as np
import pytest

from rnnrbm_gui.data.corpus import HIGH, LOW, CorpusError, load_corpus


def written(folder: Path, content: object, protocol: int = 2) -> Path:
    path = folder / "some corpus.pickle"
    path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, protocol))
    return path


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_frames_become_rolls_in_every_protocol(tmp_path: Path, protocol: int) -> None:
    splits = {"train": [[(21, 108), (), (60,)], []], "valid": [[[64, 64]]], "test": [[(22,)]]}
    corpus = load_corpus(written(tmp_path, splits, protocol))
    assert corpus.name == "some corpus"
    assert {name: [len(roll) for roll in rolls] for name, rolls in corpus.splits.items()} == {
        "train": [3, 0],
        "valid": [1],
        "test": [1],
    }
    first = corpus.split("train")[0]
    assert first.shape == (3, HIGH - LOW + 1)
    assert [list(np.flatnonzero(frame)) for frame in first] == [[0, 87], [], [39]]
    assert list(np.flatnonzero(corpus.split("valid")[0][0])) == [43]


def test_a_part_that_is_not_there_is_named(tmp_path: Path) -> None:
    corpus = load_corpus(written(tmp_path, {"train": [], "valid": []}))
    with pytest.raises(CorpusError, match="no part 'test': choose one of train, valid"):
        corpus.split("test")


class Runs:
    """Pickles into something that writes a file when it is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_runs_code_is_refused_and_does_not_run(tmp_path: Path, protocol: int) -> None:
    trace = tmp_path / "it ran"
    path = written(tmp_path, {"train": [[(60,)]], "valid": Runs(trace)}, protocol)
    with pytest.raises(CorpusError, match="could run code"):
        load_corpus(path)
    assert not trace.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"cos\nsystem\n(S'true'\ntR.",  # GLOBAL
        b"(S'true'\nios\nsystem\n.",  # INST
        b"\x80\x04\x8c\x02os\x8c\x06system\x93.",  # STACK_GLOBAL
        b"\x80\x02\x82\x01.",  # EXT1
        b"Psomething\n.",  # PERSID
        b"\x80\x05\x97.",  # NEXT_BUFFER
    ],
)
def test_hand_made_pickles_are_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(CorpusError, match="refused"):
        load_corpus(written(tmp_path, content))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a pickle",
        b"\x80\x02}q\x01",  # cut off
        b"\x80\x02]r\xff\xff\xff\x7f.",  # a memo slot that would take 16 GB
        b"\x80\x02h\x05.",  # a memo slot never filled
        b"\x80\x020.",  # an empty stack popped
        b"\xff" * 100_000,
        b"\x80\x02" + b"]" * 200_000 + b"a" * 199_999 + b".",  # nested 200,000 deep
        pickle.dumps([1, 2]),
        pickle.dumps({}),
        pickle.dumps({1: []}),
        pickle.dumps({"train": 5}),
        pickle.dumps({"train": [5]}),
        pickle.dumps({"train": [[5]]}),
        pickle.dumps({"train": [["abc"]]}),
        pickle.dumps({"train": [[(20,)]]}),
        pickle.dumps({"train": [[(109,)]]}),
        pickle.dumps({"train": [[(10**6000,)]]}),
        pickle.dumps({"train": [[(60.0,)]]}),
        pickle.dumps({"train": [[(True,)]]}),
        pickle.dumps({"train": [[(60,) * 129]]}),
    ],
)
def test_damaged_and_foreign_files_give_a_sentence(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(CorpusError, match=r"some corpus.*[.]$"):
        load_corpus(written(tmp_path, content))


def test_a_small_file_cannot_become_endless_frames(tmp_path: Path) -> None:
    sequence = [(60,)] * 30_000
    with pytest.raises(CorpusError, match="too many"):
        load_corpus(written(tmp_path, {"train": [sequence] * 30_000}))


def test_a_missing_file_gives_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"“nothing\.pickle” .* does not exist"):
        load_corpus(tmp_path / "nothing.pickle")


def test_the_place_of_a_wrong_pitch_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, {"train": [[], [(60,), (60, 7)]]})
    with pytest.raises(CorpusError, match=r"'train', sequence 1, frame 1: .* 21\.\.108, got 7\."):
        load_corpus(path)


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "pieces", "frames"),
    [
        ("JSB Chorales", (229, 76), (13_807, 4_602)),
        ("Nottingham", (694, 173), (176_561, 45_513)),
        ("MuseData", (524, 135), (245_202, 82_755)),
        ("Piano-midi.de", (87, 12), (75_911, 8_540)),
    ],
)
def test_the_published_corpora(
    corpora: Path, name: str, pieces: tuple[int, int], frames: tuple[int, int]
) -> None:
    corpus = load_corpus(corpora / f"{name}.pickle")
    for part, n_pieces, n_frames in zip(("train", "valid"), pieces, frames, strict=True):
        rolls = corpus.split(part)
        assert (len(rolls), sum(map(len, rolls))) == (n_pieces, n_frames)
        assert all(roll.any() for roll in rolls)
