import json
from pathlib import Path

import numpy as np
import pytest

from rnnrbm_gui.data.corpus import LOW, CorpusError, load_corpus


def written(folder: Path, content: object, name: str = "voices 16th.json") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def test_voices_become_rolls_and_a_silent_one_nothing(tmp_path: Path) -> None:
    splits = {
        "train": [[[72, 67, 60, 48], [72, -1, 60, 60], [-1, -1, -1, -1]], []],
        "valid": [[[60]]],
        "test": [[[21, 108]]],
    }
    corpus = load_corpus(written(tmp_path, splits))
    first, nothing = corpus.split("train")
    assert [list(np.flatnonzero(frame) + LOW) for frame in first] == [
        [48, 60, 67, 72],
        [60, 72],
        [],
    ]
    assert nothing.shape == (0, 88)
    assert list(np.flatnonzero(corpus.split("test")[0][0]) + LOW) == [21, 108]


@pytest.mark.parametrize(
    ("name", "frames"),
    [
        ("Jsb16thSeparated.json", 4),
        ("jsb-chorales-8th.json", 2),
        ("jsb-chorales-quarter.JSON", 1),
        ("mine.json", None),
    ],
)
def test_the_name_says_how_long_a_frame_is(tmp_path: Path, name: str, frames: int | None) -> None:
    path = written(tmp_path, {"train": [[[60]]]}, name)
    assert load_corpus(path).frames_per_beat == frames


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\xfd",
        b"{",
        b"null",
        b"{}",
        b"[" * 1_000_000,
        b'{"train":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b'{"train": [[[' + b"9" * 100_000 + b"]]]}",
        b'{"train": [[[9007199254740993]]]}',
        b'{"train": [[[NaN]]]}',
        b'{"train": [[[60.0]]]}',
        b'{"train": [[[true]]]}',
        b'{"train": [[["60"]]]}',
        b'{"train": [[[-2]]]}',
        b'{"train": [[[20]]]}',
        b'{"train": [[60]]}',
        b'{"train": {"0": [[60]]}}',
        b'{"train": 60}',
        b'{"train": [[' + b"[" + b"60," * 128 + b"60]]]}",
    ],
)
def test_damaged_and_foreign_files_give_a_sentence(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(CorpusError, match=r"(?s)voices 16th.*[.]$"):
        load_corpus(written(tmp_path, content))


def test_too_large_a_file_is_not_taken_apart(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="over 20 MB"):
        load_corpus(written(tmp_path, b'{"train": [' + b" " * 20_000_000 + b"]}"))


@pytest.mark.corpus
def test_the_published_chorales_by_voices(corpora: Path) -> None:
    corpus = load_corpus(corpora / "Jsb16thSeparated.json")
    assert corpus.frames_per_beat == 4
    for part, n_pieces, n_frames in (("train", 229, 55_228), ("valid", 76, 18_408)):
        rolls = corpus.split(part)
        assert (len(rolls), sum(map(len, rolls))) == (n_pieces, n_frames)
        pitches = np.flatnonzero(np.any(np.concatenate(rolls), axis=0)) + LOW
        assert pitches.min() >= 36
        assert pitches.max() <= 81
        assert max(roll.sum(1).max() for roll in rolls) == 4
