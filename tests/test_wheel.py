"""What ships: the wheel holds every module and every resource, and nothing else."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def in_git(folder: str) -> set[str]:
    """Return the files of a folder that are, or would be, in git."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", folder]
    done = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip("not a git checkout")
    return {name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()}


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the files in a freshly built wheel."""
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = out.glob("*.whl")
    with zipfile.ZipFile(wheel) as content:
        return set(content.namelist())


def test_the_wheel_holds_all_modules_and_resources(shipped: set[str]) -> None:
    modules, resources = in_git("rnnrbm_gui"), in_git("resources")
    assert modules
    assert resources
    expected = modules | {f"rnnrbm_gui/{name}" for name in resources}
    info = {name for name in shipped if name.split("/")[0].endswith(".dist-info")}
    assert shipped - info == expected


def test_the_wheel_has_its_command(shipped: set[str]) -> None:
    assert any(name.endswith(".dist-info/entry_points.txt") for name in shipped)
