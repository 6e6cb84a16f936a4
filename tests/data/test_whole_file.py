"""Files as wholes, and every way in which the system says no."""

import os
from pathlib import Path

import pytest

from rnnrbm_gui.data.whole_file import read_whole, write_whole
from rnnrbm_gui.errors import FileError


def test_written_and_read(tmp_path: Path) -> None:
    path = tmp_path / "song.mid"
    write_whole(path, b"old")
    write_whole(path, b"new")
    assert read_whole(path, 3) == b"new"
    with pytest.raises(FileError, match="it is larger than"):
        read_whole(path, 2)
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"^“none.mid” cannot be opened: it does not exist\.$"):
        read_whole(tmp_path / "none.mid", 99)


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be opened: it is not a file"):
        read_whole(tmp_path, 99)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mid")
    with pytest.raises(FileError, match="cannot be opened: it is not a file"):
        read_whole(tmp_path / "pipe.mid", 99)


def test_an_older_file_stays_whole_when_there_is_no_room(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    path = tmp_path / "song.mid"
    path.write_bytes(b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, before[1]))
    try:
        with pytest.raises(FileError, match=r"“song.mid” cannot be saved in .*: file too large"):
            write_whole(path, bytes(99))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["song.mid"]


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"“song.mid” cannot be saved in .*: the folder does not"):
        write_whole(tmp_path / "none" / "song.mid", bytes(99))


def test_a_folder_in_the_place_of_the_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "song.mid").mkdir()
    with pytest.raises(FileError, match=r"cannot be saved in .*: "):
        write_whole(tmp_path / "song.mid", bytes(99))
    assert [p.name for p in tmp_path.iterdir()] == ["song.mid"]


@pytest.fixture
def forbidden(tmp_path: Path):
    """A folder that may not be entered; root, who may do everything, becomes nobody for that."""
    is_root = os.geteuid() == 0
    tmp_path.chmod(0o700 if is_root else 0)
    os.seteuid(65534 if is_root else os.geteuid())
    yield tmp_path
    os.seteuid(os.getuid())
    tmp_path.chmod(0o700)


@pytest.mark.skipif(os.name != "posix", reason="needs the rights of POSIX")
def test_forbidden_files_are_said(forbidden: Path) -> None:
    with pytest.raises(FileError, match=r"“song.mid” cannot be opened: permission denied"):
        read_whole(forbidden / "song.mid", 99)
    with pytest.raises(FileError, match=r"“song.mid” cannot be saved in .*: permission denied"):
        write_whole(forbidden / "song.mid", bytes(99))


def test_a_link_stays_a_link_and_rights_stay(tmp_path: Path) -> None:
    path, link = tmp_path / "song.mid", tmp_path / "link.mid"
    path.write_bytes(b"old")
    path.chmod(0o640)
    link.symlink_to(path)
    write_whole(link, b"new")
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.read_bytes() == b"new"
