"""MAT-files: scipy writes them here and is the oracle; what is hostile is made by hand."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from rnnrbm_gui.data import mat_corpus
from rnnrbm_gui.data.corpus import CorpusError, load_corpus
from rnnrbm_gui.data.mat_corpus import rolls_in_mat

HEAD = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H", 0x100) + b"IM"


def cells(*rolls: ArrayLike) -> np.ndarray:
    array = np.empty((1, len(rolls)), object)
    for i, roll in enumerate(rolls):
        array[0, i] = np.asarray(roll)
    return array


def mat(compressed: bool = True, **variables: object) -> bytes:
    file = io.BytesIO()
    scipy.io.savemat(file, variables, do_compression=compressed)
    return file.getvalue()


def some_roll(n_frames: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).random((n_frames, 88)) < 0.05


def element(kind: int, content: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "II", kind, len(content)) + content + bytes(-len(content) % 8)


def array(
    kind: int, shape: tuple[int, ...], content: bytes, name: bytes = b"", order: str = "<"
) -> bytes:
    head = element(6, struct.pack(order + "II", kind, 0), order)
    head += element(5, struct.pack(f"{order}{len(shape)}i", *shape), order)
    return element(14, head + element(1, name, order) + content, order)


ROLL = array(6, (1, 88), element(2, bytes(88)))


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("dtype", ["f8", "f4", "u1", "i1", "i4", "u2", "i8", "?"])
def test_cells_of_rolls_are_read_in_every_type(compressed: bool, dtype: str) -> None:
    rolls = [some_roll(5), some_roll(1, 2), np.zeros((0, 88)), np.zeros((0, 0)), some_roll(300)]
    content = mat(
        compressed,
        traindata=cells(*(roll.astype(dtype) for roll in rolls)),
        validdata=cells(some_roll(2).astype(dtype)).T,
        testdata=cells(some_roll(3).astype(dtype)),
        nothing_to_do_with_it=np.arange(10.0),
    )
    splits = rolls_in_mat(content, "x.mat")
    assert list(splits) == ["train", "valid", "test"]
    for found, roll in zip(splits["train"], rolls, strict=True):
        assert found.dtype == np.bool_
        assert found.shape == (len(roll), 88)
        assert np.array_equal(found, roll.reshape(-1, 88))
    assert np.array_equal(splits["valid"][0], some_roll(2))
    assert np.array_equal(splits["test"][0], some_roll(3))


def test_the_other_byte_order() -> None:
    frame = np.zeros(88, ">u2")
    frame[[0, 39]] = 1
    roll = array(6, (1, 88), element(4, frame.tobytes(), ">"), order=">")
    head = HEAD[:124] + struct.pack(">H", 0x100) + b"MI"
    content = head + array(1, (1, 1), roll, b"traindata", ">")
    [found] = rolls_in_mat(content, "x.mat")["train"]
    assert list(np.flatnonzero(found[0])) == [0, 39]


def test_a_corpus_in_a_mat_file_is_a_corpus(tmp_path: Path) -> None:
    path = tmp_path / "Nott.mat"
    path.write_bytes(mat(traindata=cells(some_roll(5)), validdata=cells(some_roll(4))))
    corpus = load_corpus(path)
    assert (corpus.name, corpus.frames_per_beat) == ("Nott", None)
    assert list(corpus.splits) == ["train", "valid"]


def test_cells_in_cells_are_refused_however_deep(tmp_path: Path) -> None:
    # 100,000 deep these end a process that reads them with scipy 1.17.
    length, layers = len(ROLL), []
    for _ in range(100_000):
        head = array(1, (1, 1), b"")[8:]
        layers.append(struct.pack("<II", 14, len(head) + length) + head)
        length += 8 + len(head)
    deep = b"".join(reversed(layers)) + ROLL
    with pytest.raises(CorpusError, match="sequence 0 must be a real matrix"):
        rolls_in_mat(HEAD + array(1, (1, 1), deep, b"traindata"), "x.mat")


def test_a_small_file_does_not_open_into_a_large_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mat_corpus, "MOST_BYTES", 2_000_000)
    content = mat(traindata=cells(np.zeros((20_000, 88), "u1")))
    assert len(content) < 10_000
    assert len(rolls_in_mat(content, "x.mat")["train"][0]) == 20_000
    twice = content + content[128:]
    with pytest.raises(CorpusError, match="opens to over 2 MB"):
        rolls_in_mat(twice, "x.mat")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no MAT-file"),
        (b"MATLAB 7.3 MAT-file".ljust(512), "save it with -v7"),
        (HEAD, "none of traindata, validdata, testdata"),
        (mat(other=1.0), "none of"),
        (mat(traindata=some_roll(3)), "must be a cell array"),
        (mat(traindata={"a": 1.0}), "must be a cell array"),
        (mat(traindata=cells(np.zeros((88, 3)))), "frames by 88 keys"),
        (mat(traindata=cells(np.zeros((1, 88, 2)))), "frames by 88 keys"),
        (mat(traindata=cells("words")), "frames by 88 keys"),
        (mat(traindata=cells(np.zeros((2, 88), complex))), "frames by 88 keys"),
        (mat(traindata=cells(np.full((2, 88), 0.5))), "zeros and ones"),
        (mat(traindata=cells(np.full((2, 88), np.nan))), "zeros and ones"),
        (HEAD + array(1, (1, 2), ROLL, b"traindata"), "must be a cell array"),
        (HEAD + array(1, (1, 1), ROLL, b"traindata")[:-8], "cut off"),
        (HEAD + array(1, (1, 1), element(9, bytes(8)), b"traindata"), "must be a matrix"),
        (
            HEAD + array(1, (1, 1), array(6, (2**31 - 1, 88), b""), b"traindata"),
            "has not the numbers",
        ),
        (HEAD + element(15, b"not compressed"), "cannot be read"),
        (HEAD + element(14, element(6, b"")), "no head"),
    ],
)
def test_damaged_and_foreign_files_give_a_sentence(content: bytes, why: str) -> None:
    with pytest.raises(CorpusError, match=rf"^'x[.]mat' (?s:.)*{why}.*[.]$"):
        rolls_in_mat(content, "x.mat")


GOOD = mat(False, traindata=cells(some_roll(2), some_roll(3)), validdata=cells(some_roll(2)))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=4),
    st.integers(0, len(GOOD)),
)
def test_a_file_damaged_anywhere_is_read_or_refused(
    changes: list[tuple[int, int]], stop: int
) -> None:
    content = bytearray(GOOD)
    for at, byte in changes:
        content[at] = byte
    splits: dict[str, tuple[np.ndarray, ...]] = {}
    refusal = ""
    try:
        splits = rolls_in_mat(bytes(content[:stop]), "x.mat")
    except CorpusError as error:
        refusal = str(error)
    assert bool(splits) != refusal.startswith("'x.mat' ")
    assert all(roll.shape[1] == 88 for rolls in splits.values() for roll in rolls)


@pytest.mark.corpus
def test_the_published_chorales_survive_matlab(corpora: Path) -> None:
    corpus = load_corpus(corpora / "JSB Chorales.pickle")
    content = mat(
        traindata=cells(*(roll.astype(float) for roll in corpus.split("train"))),
        validdata=cells(*(roll.astype(float) for roll in corpus.split("valid"))),
    )
    splits = rolls_in_mat(content, "JSB_Chorales.mat")
    for part in ("train", "valid"):
        for found, roll in zip(splits[part], corpus.split(part), strict=True):
            assert np.array_equal(found, roll)
