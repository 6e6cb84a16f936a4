import numpy as np
import pytest

from rnnrbm_gui.models import likelihood, training
from rnnrbm_gui.models.annealing import STARTS, Start, estimate_log_z, in_threads
from rnnrbm_gui.models.rnn_rbm import RnnRbm
from rnnrbm_gui.models.sequence_model import SequenceModel
from rnnrbm_gui.models.settings import Settings
from rnnrbm_gui.models.static_rbm import StaticRbm
from tests.shapes import SHAPES


def random_model(n_visible: int, n_hidden: int, n_recurrent: int, strength: float) -> RnnRbm:
    rng = np.random.default_rng(7)
    sizes = {"v": n_visible, "h": n_hidden, "u": n_recurrent}
    arrays = {
        name: (rng.normal(size=tuple(sizes[layer] for layer in layers)) * strength).astype("f")
        for name, layers in SHAPES.items()
    }
    return RnnRbm(**arrays)


@pytest.mark.parametrize("n_hidden", [10, 30])
@pytest.mark.parametrize("start", STARTS)
def test_a_model_of_nothing_gives_88_ln_2(n_hidden: int, start: Start) -> None:
    sizes = {"v": 88, "h": n_hidden, "u": 3}
    zeros = {
        name: np.zeros(tuple(sizes[layer] for layer in layers), np.float32)
        for name, layers in SHAPES.items()
    }
    roll = np.random.default_rng(1).random((5, 88)) < 0.1
    model = RnnRbm(**zeros)
    [found] = likelihood.measure(
        model,
        likelihood.frames_of(model, [roll]),
        starts=[start],
        n_chains=500,
        n_temperatures=100,
    )
    assert found.start == ("exact" if n_hidden == 10 else start)
    # From the machine itself AIS is exact; from marginals guessed from 100 chains it is near.
    near = 0.1 if found.start == "frame" else 1e-5
    assert found.ll_forward == pytest.approx(-88 * np.log(2), abs=near)
    assert found.ll_reverse == pytest.approx(-88 * np.log(2), abs=near)
    assert round(-88 * np.log(2), 2) == -61.0


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("n_hidden", [5, 12, 20])
def test_ais_agrees_with_enumeration_both_ways(n_hidden: int, start: Start) -> None:
    model = random_model(24, n_hidden, 6, 0.6)
    rolls = [np.random.default_rng(2).random((n, 24)) < 0.3 for n in (4, 3)]
    frames = likelihood.frames_of(model, rolls)
    exact = likelihood.measure_exactly(model, frames)
    assert exact.error == exact.gap == 0
    found = likelihood.measure_from(start, model, frames, n_chains=300)
    assert found.n_frames == found.n_all == 7
    assert found.ll_forward == pytest.approx(exact.ll, abs=0.01)
    assert found.ll_reverse == pytest.approx(exact.ll, abs=0.01)
    assert abs(found.ll - exact.ll) < 5 * found.error
    assert found.ll == min(found.ll_forward, found.ll_reverse)
    assert found.gap == found.ll_forward - found.ll_reverse


@pytest.mark.parametrize("start", STARTS)
def test_frames_of_one_rbm_share_the_runs_and_the_error_of_its_log_z(start: Start) -> None:
    rng = np.random.default_rng(3)
    W, bv, bh = (rng.normal(size=n).astype("f") for n in ((24, 12), 24, 12))
    model = StaticRbm(W=0.8 * W, bv=bv, bh=bh, base=bv)
    frames = likelihood.frames_of(model, [rng.random((30, 24)) < 0.3, rng.random((9, 24)) < 0.5])
    exact = likelihood.measure_exactly(model, frames)
    misses = []
    for seed in range(40):
        found = likelihood.measure_from(
            start, model, frames, n_chains=8, n_temperatures=4, reverse=False, seed=seed
        )
        assert (found.n_chains, found.n_temperatures) == (16 * 8, 25 * 4)
        misses.append((found.ll - exact.ll) / found.error)
    # As spread out as their error says: frames' errors told apart would be six times too small.
    assert 0.6 < np.std(misses) < 1.7
    assert abs(np.mean(misses)) < 1


@pytest.fixture(scope="module")
def sharp() -> tuple[SequenceModel, list[likelihood.Roll]]:
    """Return a small model trained until it is sure of itself, and what it learned."""
    rng = np.random.default_rng(5)
    chords = rng.random((6, 24)) < 0.2
    rolls = [np.repeat(chords[rng.permutation(6)], 2, axis=0) for _ in range(12)]
    settings = Settings(updates=600, n_hidden=14, n_recurrent=10, seed=1, transposed=0)
    trainer = training.Trainer(rolls, settings)
    while not trainer.done:
        trainer.advance()
    return trainer.model(), rolls


@pytest.mark.parametrize("start", STARTS)
def test_ais_agrees_with_enumeration_on_a_sharp_trained_model(
    sharp: tuple[SequenceModel, list[likelihood.Roll]], start: Start
) -> None:
    model, rolls = sharp
    frames = likelihood.frames_of(model, rolls, most_frames=40)
    exact = likelihood.measure_exactly(model, frames)
    assert exact.ll > -4  # 24 keys at their own rates would be near -12
    found = likelihood.measure_from(start, model, frames)
    # Chords far apart: end points that were not drawn by their weights would not mix within 200
    # steps, and the reverse run would read half a nat too good.
    assert 5 * found.error < 0.2
    assert abs(found.ll_forward - exact.ll) < 5 * found.error
    assert abs(found.ll_reverse - exact.ll) < 5 * found.error
    assert not found.doubt


def test_too_few_temperatures_leave_a_gap_that_is_said(
    sharp: tuple[SequenceModel, list[likelihood.Roll]],
) -> None:
    model, rolls = sharp
    frames = likelihood.frames_of(model, rolls, most_frames=40)
    found = likelihood.measure_from("base-rate", model, frames, n_chains=4, n_temperatures=3)
    assert abs(found.gap) > likelihood.WIDE_GAP
    assert f"gap of {abs(found.gap):.3f} nats" in found.doubt


def test_of_two_starts_the_lower_likelihood_comes_first() -> None:
    model = random_model(24, 21, 6, 0.9)
    roll = np.random.default_rng(2).random((4, 24)) < 0.3
    told: list[float] = []
    found = likelihood.measure(
        model,
        likelihood.frames_of(model, [roll]),
        starts=STARTS,
        n_chains=10,
        n_temperatures=30,
        tell=told.append,
    )
    assert {one.start for one in found} == set(STARTS)
    assert found[0].ll < found[1].ll
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_small_models_are_measured_exactly_and_pieces_weigh_alike() -> None:
    model = random_model(10, 4, 3, 0.5)
    rolls = [np.random.default_rng(2).random((n, 10)) < 0.5 for n in (40, 2)]
    exact = likelihood.exact_ll(model, likelihood.frames_of(model, rolls))
    [found] = likelihood.measure(model, likelihood.frames_of(model, rolls), starts=STARTS)
    assert (found.start, found.n_chains, found.error, found.doubt) == ("exact", 0, 0.0, "")
    assert found.ll == exact.mean()
    assert found.ll_pieces == pytest.approx((exact[:40].mean() + exact[40:].mean()) / 2)


def test_some_of_the_frames_have_an_error_that_covers_the_rest() -> None:
    model = random_model(10, 4, 3, 0.5)
    rolls = [np.random.default_rng(2).random((400, 10)) < 0.5]
    [everything] = likelihood.measure(model, likelihood.frames_of(model, rolls))
    [some] = likelihood.measure(model, likelihood.frames_of(model, rolls, 50))
    assert everything.choice_error == 0
    assert 0 < abs(some.ll - everything.ll) < 3 * some.choice_error < 1.5
    assert (some.n_frames, some.n_all) == (50, 400)


def test_thinned_frames_keep_their_own_past() -> None:
    model = random_model(10, 4, 3, 0.5)
    roll = np.random.default_rng(2).random((50, 10)) < 0.5
    everything = likelihood.frames_of(model, [roll])
    some = likelihood.frames_of(model, [roll], most_frames=5)
    assert some.n_all == 50
    for stretch, (v, bv_t) in enumerate(zip(some.v, some.bv_t, strict=True)):
        places = range(10 * stretch, 10 * stretch + 10)
        assert any(
            (everything.v[t] == v).all() and (everything.bv_t[t] == bv_t).all() for t in places
        )


@pytest.mark.parametrize(("n_all", "n"), [(1500, 1000), (7, 6), (50, 50)])
def test_thinned_frames_are_as_many_different_ones(n_all: int, n: int) -> None:
    model = random_model(11, 4, 3, 0.5)
    roll = (np.arange(n_all)[:, None] >> np.arange(11) & 1).astype(np.bool_)  # all unlike
    assert len(np.unique(likelihood.frames_of(model, [roll], n).v, axis=0)) == n


def test_the_error_of_a_reverse_run_covers_its_scatter() -> None:
    """Runs that begin from copies of one end point are not independent."""
    model = random_model(24, 21, 6, 1.2)
    frames = likelihood.frames_of(model, [np.random.default_rng(2).random((1, 24)) < 0.3])
    found = [
        estimate_log_z(model, frames.bv_t, frames.bh_t, n_chains=40, n_temperatures=100, seed=seed)
        for seed in range(60)
    ]
    scatter = np.std([log_z.reverse[0] for log_z in found])
    error = np.mean([log_z.error_reverse[0] for log_z in found])
    assert 0.6 * scatter < error < 1.7 * scatter


def test_thinned_frames_do_not_all_stand_at_one_place_in_the_bar() -> None:
    model = random_model(8, 4, 3, 0.5)
    bars = np.tile(np.eye(8, dtype=np.bool_), (100, 1))  # each place of eight has its own key
    some = likelihood.frames_of(model, [bars], most_frames=100)
    assert some.v.sum(0).min() >= 3


@pytest.mark.parametrize("start", STARTS)
def test_the_same_seed_gives_the_same_figures_whatever_the_threads(start: Start) -> None:
    model = random_model(10, 4, 3, 0.5)
    roll = np.random.default_rng(2).random((6, 10)) < 0.5
    frames = likelihood.frames_of(model, [roll])

    def found(seed: int, n_threads: int) -> likelihood.Likelihood:
        return likelihood.measure_from(
            start, model, frames, n_chains=5, n_temperatures=20, seed=seed, n_threads=n_threads
        )

    assert found(3, 1) == found(3, 3)
    assert found(3, 1) != found(4, 1)


def test_what_a_job_raises_is_raised() -> None:
    def job(place: int) -> None:
        if place == 2:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        in_threads(job, 100, 2, lambda share: None)
