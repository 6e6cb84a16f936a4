"""Frames/s of the trainer beside those of its peers; run from the project's root.

    python -m pip install ".[bench]"
    python -m tests.benchmarks.trainer_speed                               # music made up for it
    python -m tests.benchmarks.trainer_speed --data "JSB Chorales.pickle"  # a published corpus
    python -m tests.benchmarks.trainer_speed --compare-ll --seeds 4        # what both have learned

All train the same model on the same sequences with the same settings, CD-15 throughout, in blocks
of updates that take turns, so that whatever else the machine does meets all. Padding is not
counted. A first block is not counted either: it compiles. On several threads two more rows stand
there: one thread, and as many processes with a trainer on one thread each, which share nothing:
more than they do together the machine does not give. PyTorch stands there twice: batched, with
its Gibbs steps as one writes them down, and with these tuned by hand; the exit code is about the
first. NumPy's row is this trainer with its Gibbs steps, its gradients and its recurrence in NumPy.
Beside the time on the clock stands that of the processor, which other work on the machine disturbs
less; the last column says how many times as fast as the row this trainer is.

With ``--compare-ll`` both make the same number of updates on the usual schedule (k of CD-k grows
to 15) for several seeds, and each model's log-likelihood on held-out frames is measured: exactly
where the hidden units can be enumerated, else by AIS, the lower of forward and reverse.
"""

import argparse
import os
import platform
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # numpy must not be loaded before the number of its threads is set
    import numpy as np

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
READY = "ready"
UNTIMED = 2
"""Updates at the begin of a block: threads of the trainer before still wait, and turn round."""
LEAST_RATIO = 4.0
"""Times as fast as PyTorch, batched."""


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; the exit code says whether the trainer is fast enough."""
    a = _parser().parse_args(arguments)
    for name in THREADS:  # of BLAS: the trainer and NumPy's peer share out sequences themselves
        os.environ[name] = "1"
    import torch

    torch.set_num_threads(a.threads)
    threads = "1 thread" if a.threads == 1 else f"{a.threads} threads"
    print(f"{processor()}, {threads}, torch {torch.__version__}, Python {sys.version.split()[0]}")
    train, valid, name = _music(a.data)
    print(f"{a.kind} {a.memory}, {a.n_hidden} hidden, {a.n_recurrent} recurrent units, {name}")
    if a.beside:
        _stand_beside(a, train)
        return 0
    if a.compare_ll:
        _compare_ll(a, train, valid)
        return 0
    return 0 if _compare_speed(a, train) >= LEAST_RATIO else 1


def _parser() -> argparse.ArgumentParser:
    text = (__doc__ or "").split("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.trainer_speed",
        description=text[0],
        epilog="\n\n".join(text[2:]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, help="a corpus's file; made-up music without")
    parser.add_argument("--kind", default="rnn-rbm", choices=["rnn-rbm", "rtrbm", "rbm"])
    parser.add_argument("--memory", default="tanh", choices=["tanh", "sigmoid", "gru"])
    parser.add_argument("--n-hidden", type=int, default=150, help="hidden units")
    parser.add_argument("--n-recurrent", type=int, default=100, help="recurrent units")
    parser.add_argument("--threads", type=int, default=1, help="of every row")
    speed = parser.add_argument_group("speed")
    speed.add_argument("--updates", type=int, default=20, help="of each trainer in a block")
    speed.add_argument("--blocks", type=int, default=9, help="of each trainer")
    speed.add_argument("--beside", action="store_true", help=argparse.SUPPRESS)
    learned = parser.add_argument_group("what both have learned")
    learned.add_argument("--compare-ll", action="store_true", help="compare log-likelihoods")
    learned.add_argument("--ll-updates", type=int, default=2000)
    learned.add_argument("--seeds", type=int, default=4)
    learned.add_argument("--most-frames", type=int, default=300, help="measured; spread evenly")
    return parser


def _settings(a: argparse.Namespace, **changed: Any) -> Any:
    from rnnrbm_gui.models.settings import Settings

    return Settings(
        kind=a.kind, memory=a.memory, n_hidden=a.n_hidden, n_recurrent=a.n_recurrent, **changed
    )


def _music(path: Path | None) -> "tuple[list[np.ndarray], list[np.ndarray], str]":
    """Return sequences to train on and others, and a name for them."""
    if path is None:
        from tests.benchmarks.music import synthetic_music

        pieces = synthetic_music(305, 100, 200)
        return pieces[:229], pieces[229:], "made-up music"
    from rnnrbm_gui.data.corpus import load_corpus

    corpus = load_corpus(path)
    return list(corpus.split("train")), list(corpus.split("valid")), path.stem


def _compare_speed(a: argparse.Namespace, train: "list[np.ndarray]") -> float:
    """Print a table of frames/s; return the ratio of the medians on the clock."""
    import numpy as np

    from rnnrbm_gui.models.training import Trainer
    from tests.benchmarks.numpy_trainer import NumpyTrainer
    from tests.benchmarks.torch_trainer import TorchTrainer

    settings = _settings(a, gibbs_steps=(15, 15), threads=a.threads)
    one = replace(settings, threads=1)
    several: dict[str, Any] = {}
    if a.threads > 1:
        several = {"  on one thread": Trainer(train, one), "  processes": Apart(train, one, a)}
    trainers = {
        "this trainer": Trainer(train, settings),
        **several,
        "NumPy with BLAS": NumpyTrainer(train, settings),
        "PyTorch, batched": TorchTrainer(train, settings, tuned=False),
        "PyTorch, tuned": TorchTrainer(train, settings),
    }
    frames = {
        name: (lambda t=trainer: t.frames if hasattr(t, "frames") else t.tally.frames)
        for name, trainer in trainers.items()
    }
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in trainers}
    for block in range(a.blocks + 1):
        for name, trainer in trainers.items():
            _advance(trainer, UNTIMED)
            before = frames[name]()
            clock, processor = time.perf_counter(), time.process_time()
            _advance(trainer, a.updates)
            clock, processor = time.perf_counter() - clock, time.process_time() - processor
            done = frames[name]() - before
            if block:
                rates[name].append((done / clock, done / processor))
    table = {name: np.array(rate) for name, rate in rates.items()}
    print(
        f"batches of {settings.batch_size} x {settings.most_frames} frames at most, CD-15, "
        f"{a.blocks} blocks of {a.updates} updates each"
    )
    print(f"{'frames/s':<22}{'median':>9}{'least':>9}{'most':>9}{'processor':>11}{'times':>8}")
    own = np.median(table["this trainer"], 0)
    ratios = {name: own / np.median(rate, 0) for name, rate in table.items()}
    for name in trainers:
        on_clock, on_processor = table[name].T
        print(
            f"{name:<22}{np.median(on_clock):>9.0f}{on_clock.min():>9.0f}{on_clock.max():>9.0f}"
            f"{np.median(on_processor):>11.0f}{ratios[name][0]:>8.2f}"
        )
    return float(ratios["PyTorch, batched"][0])


class Apart:
    """Trainers on one thread each, in processes of their own but for one.

    Attributes:
        frames: trained on.
    """

    def __init__(
        self, train: "list[np.ndarray]", settings: Any, options: argparse.Namespace
    ) -> None:
        """Start the processes."""
        from rnnrbm_gui.models.training import Trainer

        self.frames, self._own = 0, Trainer(train, settings)
        command = [sys.executable, "-m", "tests.benchmarks.trainer_speed", *sys.argv[1:]]
        command += ["--beside", "--threads", "1"]
        self._others = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(options.threads - 1)
        ]
        for other in self._others:
            while _answer(other) != READY:
                pass

    def advance(self, updates: int) -> None:
        """Make so many updates in each, all at once."""
        for other in self._others:
            assert other.stdin
            print(updates, file=other.stdin, flush=True)
        before = self._own.tally.frames
        _advance(self._own, updates)
        self.frames += self._own.tally.frames - before
        self.frames += sum(int(_answer(other)) for other in self._others)


def _answer(other: "subprocess.Popen[str]") -> str:
    assert other.stdout
    line = other.stdout.readline()
    if not line:
        raise RuntimeError("a process beside this one has ended")
    return line.strip()


def _advance(trainer: Any, updates: int) -> None:
    if isinstance(trainer, Apart):
        return trainer.advance(updates)
    for _ in range(updates):
        trainer.advance()
    return None


def _stand_beside(a: argparse.Namespace, train: "list[np.ndarray]") -> None:
    """Make as many updates as each line of the input says, and print how many frames they had."""
    from rnnrbm_gui.models.training import Trainer

    trainer = Trainer(train, _settings(a, gibbs_steps=(15, 15), seed=2))
    print(READY, flush=True)
    for line in sys.stdin:
        before = trainer.tally.frames
        _advance(trainer, int(line))
        print(trainer.tally.frames - before, flush=True)


def _compare_ll(
    a: argparse.Namespace, train: "list[np.ndarray]", valid: "list[np.ndarray]"
) -> None:
    """Print the log-likelihood of both after equal updates, seed by seed, and their difference."""
    from rnnrbm_gui.models import likelihood
    from rnnrbm_gui.models.training import Trainer
    from tests.benchmarks.agreement import difference
    from tests.benchmarks.torch_trainer import TorchTrainer

    print(f"nats a frame of {a.most_frames} held-out frames after {a.ll_updates} updates")
    print(f"{'seed':<10}{'this trainer':>14}{'PyTorch':>14}", flush=True)
    found: dict[type, list[float]] = {Trainer: [], TorchTrainer: []}
    for seed in range(1, a.seeds + 1):
        settings = _settings(a, updates=a.ll_updates, seed=seed)
        for maker, lls in found.items():
            trainer = maker(train, settings)
            for _ in range(a.ll_updates):
                trainer.advance()
            model = trainer.model()
            frames = likelihood.frames_of(model, valid, a.most_frames)
            measured = likelihood.measure(model, frames, n_threads=a.threads)
            lls.append(measured[0].ll)
        print(f"{seed:<10}{found[Trainer][-1]:>14.3f}{found[TorchTrainer][-1]:>14.3f}", flush=True)
    between = difference(found[Trainer], found[TorchTrainer])
    print(f"difference of the means {between.value:+.3f}, standard error {between.error:.3f}")


def processor() -> str:
    """Return the processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


if __name__ == "__main__":
    sys.exit(main())
