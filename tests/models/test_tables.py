"""W laid out for the kernels: what each row of the tables holds."""

import numpy as np
import pytest

from rnnrbm_gui.models import chains
from rnnrbm_gui.models.tables import Rough, Tables


@pytest.mark.parametrize("n_hidden", [1, 6, 64, 65, 150, 300])
def test_the_tables_hold_every_sum(n_hidden: int) -> None:
    W = np.random.default_rng(1).integers(-99, 99, (3, n_hidden)).astype(np.float32)
    tables = chains.tables(W)
    [down] = tables.exact.down
    words = [range(i, min(i + 64, n_hidden)) for i in range(0, n_hidden, 64)]
    groups = [word[i : i + 5] for word in words for i in range(0, len(word), 5)]
    assert down.shape == (len(groups), 32, 32)
    for group, rows in zip(groups, down, strict=True):
        for pattern, row in enumerate(rows):
            on = [unit for i, unit in enumerate(group) if pattern >> i & 1]
            np.testing.assert_array_equal(row[:3], W[:, on].sum(1))
    assert not down[..., 3:].any()


@pytest.mark.parametrize("shape", [(1, 1), (3, 64), (40, 65), (88, 150), (130, 300)])
@pytest.mark.parametrize("in_old_room", [False, True])
def test_compiled_tables_have_the_bits_of_the_plain_ones(
    shape: tuple[int, int], in_old_room: bool
) -> None:
    """Also in the room of others."""
    old, W = np.random.default_rng(2).normal(size=(2, *shape)).astype(np.float32)
    tables, rough = chains.tables(W, chains.tables(old) if in_old_room else None)
    expected = Tables.of(W, tables.down.shape[3], tables.up.shape[2])
    for name in ("up", "down", "words"):
        np.testing.assert_array_equal(getattr(tables, name), getattr(expected, name))
    for one, two in zip(rough, Rough.of(expected.down, W), strict=True):
        np.testing.assert_array_equal(one, two)
    assert np.abs(rough.down.view(np.int16)).max() > 100


def test_what_pads_the_rows_is_nothing() -> None:
    W = np.arange(1, 19, dtype=np.float32).reshape(3, 6)
    up = chains.tables(W).exact.up
    assert up.shape == (1, 3, 16)
    np.testing.assert_array_equal(up[0, :, :6], W)
    assert not up[..., 6:].any()
