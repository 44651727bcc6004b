"""`degcraft train`: one network under one training distribution."""

import argparse
import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from degcraft.cli._common import add_device, pick_device, positive, refuse_overwrite, seed
from degcraft.cli._network import MODEL_HELP, load_model, parse_network
from degcraft.errors import DegcraftError

if TYPE_CHECKING:
    from degcraft.degradation import DegradationSource
    from degcraft.training import Trainer, TrainingPlan

HELP = "train a network on a crafted distribution, on the uniform one, or on a test setting"
EXIT_INTERRUPTED = 130
SHOWN_LOSSES = 50
"""Steps over which the loss on the screen is averaged."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Trains a super-resolution network on random crops of clean images, degraded on the fly by a distribution:\n"
        "a crafted.json, `uniform` (all of the paper's space alike), `wide` (that space and what real images hold\n"
        "beyond it, mild more often than heavy) or `setting:N` (test setting 1 to 4).\n"
        "The weights that are written are the averaged ones (EMA). Beside them stands a checkpoint, from which\n"
        "--resume goes on exactly where a run stopped."
    )
    parser.epilog = (
        "examples:\n"
        "  degcraft train crafted.json --hr clean --steps 100000 -o model.safetensors\n"
        "  degcraft train crafted.json --hr clean --steps 100000 -o model.safetensors --resume\n"
        "  degcraft train uniform --hr clean --network srresnet:channels=32,blocks=4 -o small.safetensors\n"
        "  degcraft train crafted.json --hr clean --warm-start small.safetensors --steps 2000 \\\n"
        "      --network srresnet:channels=32,blocks=4 -o mine.safetensors"
    )
    parser.add_argument(
        "distribution", metavar="CRAFTED", help="crafted.json, uniform, wide, or setting:N with N from 1 to 4"
    )
    parser.add_argument("--hr", required=True, nargs="+", metavar="DIR", help="clean images (folders or URIs)")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="FILE", help="model.safetensors to write")
    parser.add_argument(
        "--network",
        default="srresnet",
        metavar="NAME",
        help="srresnet or rrdbnet, with hyperparameters if wanted: srresnet:channels=32,blocks=4 (srresnet)",
    )
    parser.add_argument("--scale", type=int, choices=(1, 2, 3, 4), default=4, help="magnification (4)")
    parser.add_argument("--steps", type=positive, default=20_000, metavar="N", help="optimizer steps in all (20000)")
    parser.add_argument("--batch", type=positive, default=16, metavar="N", help="crops per step (16)")
    parser.add_argument("--patch", type=positive, default=32, metavar="PIXELS", help="side of the LR crop (32)")
    parser.add_argument("--learning-rate", type=float, default=2e-4, metavar="RATE", help="peak, of Adam (2e-4)")
    parser.add_argument("--schedule", choices=("cosine", "multistep", "constant"), default="cosine", help="(cosine)")
    parser.add_argument(
        "--milestones", type=positive, nargs="+", default=[], metavar="STEP", help="multistep: halve the rate at these"
    )
    parser.add_argument("--warmup", type=int, default=0, metavar="N", help="steps of rising learning rate (0)")
    parser.add_argument("--ema", type=float, default=0.999, help="memory of the averaged weights (0.999)")
    parser.add_argument("--clip", type=float, metavar="NORM", help="largest norm of the gradient (no clipping)")
    parser.add_argument(
        "--precision",
        choices=("auto", "float32", "bf16"),
        default="auto",
        help="auto measures on a CPU and takes bf16 on a GPU; float32 repeats a run to the last digit (auto)",
    )
    parser.add_argument("--seed", type=seed, default=0, help="of weights, crops and degradations (0)")
    parser.add_argument("--warm-start", metavar="MODEL", help=f"begin with these weights: {MODEL_HELP}")
    parser.add_argument(
        "--checkpoint-every", type=positive, default=1000, metavar="N", help="steps between two checkpoints (1000)"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint; more --steps train longer")
    parser.add_argument("--overwrite", action="store_true", help="begin anew over an older model and its checkpoint")
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    from rich.console import Console

    from degcraft.images import HrPool, local_folder, scan_folder
    from degcraft.networks import build_network, parameter_count
    from degcraft.training import Trainer, TrainingPlan

    console = Console()
    checkpoint = args.output.with_suffix(".checkpoint")
    _check_files(args, checkpoint)
    plan = TrainingPlan(
        steps=args.steps, batch=args.batch, lr_patch=args.patch, scale=args.scale, learning_rate=args.learning_rate,
        schedule=args.schedule, milestones=tuple(args.milestones), warmup=args.warmup, ema=args.ema, clip=args.clip,
        precision=args.precision, seed=args.seed,
    )  # fmt: skip
    device = pick_device(args.device)
    source, crafted = _source(args.distribution)
    name, hyperparameters = parse_network(args.network)
    network = build_network(name, scale=args.scale, seed=args.seed, **hyperparameters)
    start = load_model(args.warm_start, "cpu") if args.warm_start and not args.resume else None

    files: list[Path] = []
    for location in args.hr:
        with console.status(f"reading {location}"):
            folder = scan_folder(local_folder(location), min_side=plan.hr_patch)
        console.print(f"{location}: {folder.summary()}", highlight=False, soft_wrap=True)
        files += folder.files
    with console.status("reading hr"):
        pool = HrPool.from_files(files, min_side=plan.hr_patch, seed=args.seed)
    if pool.note:
        console.print(f"hr: {pool.note}", highlight=False, soft_wrap=True)
    trainer = Trainer(network, source, pool, plan, device=device)
    if args.resume:
        trainer.resume(checkpoint)
        console.print(f"resumed at step {trainer.step} of {plan.steps}", highlight=False)
    elif start is not None:
        trainer.warm_start(start.model.state_dict())
    console.print(f"network: {args.network}, x{args.scale}, {parameter_count(network):,} parameters", highlight=False)
    console.print(f"precision: {trainer.precision}", highlight=False, soft_wrap=True)

    finished = _train(trainer, console, checkpoint, args.checkpoint_every)
    trainer.save(checkpoint)
    if not finished:
        console.print(
            f"stopped: step {trainer.step} of {plan.steps} is saved in {checkpoint}; the same command with --resume "
            "goes on from there",
            highlight=False,
            soft_wrap=True,
        )
        return EXIT_INTERRUPTED
    _save(trainer, args.output, name, hyperparameters, plan, source, crafted, pool.content_hash)
    console.print(f"wrote {args.output} (and {checkpoint.name}, to train longer)", highlight=False, soft_wrap=True)
    return 0


def _check_files(args: argparse.Namespace, checkpoint: Path) -> None:
    if args.output.suffix != ".safetensors":
        raise DegcraftError(f"{args.output}: the model's name must end in .safetensors")
    if args.resume:
        if not checkpoint.is_file():
            raise DegcraftError(f"{checkpoint}: there is no checkpoint to resume from")
        return
    refuse_overwrite(args.output, args.overwrite)
    if checkpoint.exists() and not args.overwrite:
        raise DegcraftError(
            f"{checkpoint}: holds a run that was begun; add --resume to go on with it, or --overwrite to begin anew"
        )


def _source(text: str) -> "tuple[DegradationSource, dict[str, Any] | None]":
    """What to train on, and the content of crafted.json where there is one."""
    from degcraft.degradation import PAPER_SPACE, TEST_SETTINGS, BoxSource, CraftedDistribution

    if text == "wide":
        from degcraft.encoders import WideSource

        return WideSource(), None
    if text == "uniform":
        return CraftedDistribution.uniform(PAPER_SPACE).source(), None
    if text.startswith("setting:"):
        number = text.removeprefix("setting:")
        if not number.isdecimal() or int(number) not in TEST_SETTINGS:
            known = ", ".join(f"setting:{n}" for n in TEST_SETTINGS)
            raise DegcraftError(f"the setting must be one of {known}, but got {text!r}")
        return BoxSource(TEST_SETTINGS[int(number)]), None
    crafted = CraftedDistribution.load(text)
    return crafted.source(), crafted.to_dict()


def _train(trainer: "Trainer", console: Any, checkpoint: Path, every: int) -> bool:
    """Train to the end; False if a signal stopped it before."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    steps, begun, started = trainer.plan.steps, trainer.step, time.perf_counter()
    columns = (
        TextColumn("training"), BarColumn(), MofNCompleteColumn(), TextColumn("loss {task.fields[loss]}"),
        TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    with (
        _stopped_by_signals(trainer),
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar,
    ):
        task = bar.add_task("training", total=steps, completed=begun, loss="-")

        def on_step(step: int, _loss: float) -> None:
            recent = trainer.loss_history[-SHOWN_LOSSES:]
            loss = f"{sum(recent) / len(recent):.4f}"
            bar.update(task, completed=step, loss=loss)
            if step % every == 0:
                trainer.save(checkpoint)
            if not console.is_terminal and (step % every == 0 or step == steps):
                # A log file gets a line now and then instead of a bar.
                left = (time.perf_counter() - started) / (step - begun) * (steps - step)
                console.print(f"step {step} of {steps}, loss {loss}, {left:.0f} s left", highlight=False)

        trainer.run(on_step=on_step)
    return trainer.step >= steps


@contextmanager
def _stopped_by_signals(trainer: "Trainer") -> Iterator[None]:
    """Ctrl-C and SIGTERM end the step in progress; a second Ctrl-C interrupts at once."""

    def stop(_number: int, _frame: object) -> None:
        trainer.stop()
        restore()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        restore()


def _save(
    trainer: "Trainer",
    output: Path,
    name: str,
    hyperparameters: dict[str, int],
    plan: "TrainingPlan",
    source: "DegradationSource",
    crafted: dict[str, Any] | None,
    hr_hash: str,
) -> None:
    """Write the averaged network, with all that it came from."""
    import torch

    from degcraft import __version__
    from degcraft.networks import save_network

    training = {
        "plan": plan.to_dict(),
        "degradation": source.describe(),
        "hr": hr_hash,
        "precision": str(trainer.precision),
        "device": str(trainer.device),
        "final_loss": sum(trainer.loss_history[-SHOWN_LOSSES:]) / len(trainer.loss_history[-SHOWN_LOSSES:]),
        "degcraft": __version__,
        "torch": torch.__version__,
    }
    metadata = {"training": json.dumps(training)}
    if crafted is not None:
        metadata["crafted"] = json.dumps(crafted)
    save_network(output, trainer.ema_network(), name=name, hyperparameters=hyperparameters, metadata=metadata)
