"""`degcraft train`: one network under one training distribution."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from degcraft.cli import _losses, _sources
from degcraft.cli._common import (
    add_clean,
    add_device,
    check_folders,
    check_outputs,
    parse_clean,
    positive,
    refuse_overwrite,
    seed,
)
from degcraft.cli._jointly import is_joint, learned_file, parse_jointly
from degcraft.cli._network import MODEL_HELP, check_model, parse_network
from degcraft.cli._progress import training_shown
from degcraft.cli._sources import METAVAR, SOURCE_HELP
from degcraft.cli._start import Begun, begin
from degcraft.device import pick_device
from degcraft.errors import DegcraftError

if TYPE_CHECKING:
    from degcraft.degradation import DegradationSource
    from degcraft.training import PlannedLoop, TrainingPlan

HELP = "train a network on a crafted distribution, or on any other degradations"
EXIT_INTERRUPTED = 130
SHOWN_LOSSES = 50
"""Steps over which the loss on the screen is averaged."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Trains a super-resolution network on random crops of clean images, degraded on the fly by a distribution:\n"
        "a crafted.json, `uniform` (all of the paper's space alike), `wide` (that space and what real images hold\n"
        "beyond it, mild more often than heavy), `setting:N` (test setting 1 to 4), a published pipeline\n"
        "(`realesrgan`, `bsrgan`), or any box of your own (`box:blur_sigma=[1,2],noise_level=10`).\n"
        "--list-degradations prints them all with their knobs.\n"
        "\n"
        "`pdm --references DIR` learns the degradation of your images along with the network, in turns (PDM-SR; with\n"
        "lpips and gan among the losses PDM-SRGAN), and writes it beside the model. A pdm.safetensors is learned\n"
        "further.\n"
        "\n"
        "--start begins with weights that restore already: a file, a start that comes with degcraft (start:x4), or\n"
        "auto, which takes the one that fits. Without --network, the network is the start's own.\n"
        "\n"
        "--losses says what is minimised: l1 or charbonnier for PSNR; lpips and gan beside one of them for images\n"
        "that look sharp, at some dB less. Each has a weight, and knobs behind colons if wanted: --list-losses.\n"
        "\n"
        "The weights that are written are the averaged ones (EMA). Beside them stands a checkpoint, from which\n"
        "--resume goes on exactly where a run stopped."
    )
    parser.epilog = (
        "examples:\n"
        "  degcraft train crafted.json --hr clean --start start:x4 --steps 2000 -o mine.safetensors\n"
        "  degcraft train crafted.json --hr clean --start 4x_published.pth --steps 2000 -o mine.safetensors\n"
        "  degcraft train crafted.json --hr clean --steps 100000 -o model.safetensors\n"
        "  degcraft train crafted.json --hr clean --steps 100000 -o model.safetensors --resume\n"
        "  degcraft train uniform --hr clean --network srresnet:channels=32,blocks=4 -o small.safetensors\n"
        "  degcraft train crafted.json --hr clean --start mine.safetensors \\\n"
        "      --losses l1=1,lpips=0.1,gan=0.05:discriminator=unet -o sharp.safetensors\n"
        "  degcraft train realesrgan:jpeg_range=[60,95] --hr clean --start start:x4 --steps 2000 -o other.safetensors\n"
        "  degcraft train pdm --references photos --hr clean --start start:x4 --steps 2000 -o model.safetensors"
    )
    parser.add_argument(
        "distribution", metavar=METAVAR, help=f"{SOURCE_HELP}; with --references: pdm, or pdm:KNOB=VALUE,…"
    )
    _sources.add_list(parser)
    parser.add_argument(
        "--references", metavar="DIR", help="your low-resolution images: a degradation is learned from them on the way"
    )
    parser.add_argument("--hr", required=True, nargs="+", metavar="DIR", help="clean images (folders or URIs)")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="FILE", help="model.safetensors to write")
    parser.add_argument("--start", default="none", metavar="MODEL", help=f"none, auto, or {MODEL_HELP} (none)")
    parser.add_argument(
        "--network",
        metavar="NAME",
        help="a network by name, with hyperparameters if wanted: srresnet:channels=32,blocks=4 (the start's own; "
        "srresnet without a start)",
    )
    parser.add_argument("--scale", type=int, choices=(1, 2, 3, 4), help="magnification (the start's; 4 without one)")
    parser.add_argument(
        "--steps",
        type=positive,
        default=20_000,
        metavar="N",
        help="optimizer steps in all (20000)",
    )
    parser.add_argument("--batch", type=positive, default=16, metavar="N", help="crops per step (16)")
    parser.add_argument("--patch", type=positive, default=32, metavar="PIXELS", help="side of the LR crop (32)")
    parser.add_argument("--losses", default="l1=1", metavar="NAME=WEIGHT,…", help="what is minimised (l1=1)")
    _losses.add_list(parser)
    parser.add_argument(
        "--lpips-weights",
        type=Path,
        metavar="FILE",
        help="ImageNet weights of lpips' backbone in torchvision's layout (downloaded where they are not at hand)",
    )
    parser.add_argument("--learning-rate", type=float, default=2e-4, metavar="RATE", help="peak, of Adam (2e-4)")
    parser.add_argument("--schedule", choices=("cosine", "multistep", "constant"), default="cosine", help="(cosine)")
    parser.add_argument(
        "--milestones", type=positive, nargs="+", default=[], metavar="STEP", help="multistep: halve the rate at these"
    )
    parser.add_argument(
        "--warmup",
        type=int,
        metavar="N",
        help="steps of rising learning rate (from a start a twentieth, else 0)",
    )
    parser.add_argument("--ema", type=float, default=0.999, help="memory of the averaged weights (0.999)")
    parser.add_argument("--clip", type=float, metavar="NORM", help="largest norm of the gradient (no clipping)")
    parser.add_argument(
        "--precision",
        choices=("auto", "float32", "bf16"),
        default="auto",
        help="auto measures on a CPU and takes bf16 on a GPU; float32 repeats a run to the last digit (auto)",
    )
    parser.add_argument("--seed", type=seed, default=0, help="of weights, crops and degradations (0)")
    parser.add_argument(
        "--checkpoint-every", type=positive, default=1000, metavar="N", help="steps between two checkpoints (1000)"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint; more --steps train longer")
    parser.add_argument("--overwrite", action="store_true", help="begin anew over an older model and its checkpoint")
    add_clean(parser)
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    checkpoint = args.output.with_suffix(".checkpoint")
    _check_files(args, checkpoint)
    _check_names(args)

    import torch
    from rich.console import Console

    from degcraft.cache import cache_folder
    from degcraft.images import HrPool, local_folder, reduced_files, scan_folder
    from degcraft.learned import save_learned
    from degcraft.networks import parameter_count
    from degcraft.sources import scale_for
    from degcraft.training import Trainer, TrainingPlan, build_losses
    from degcraft.training.checkpoint import read_checkpoint

    console = Console()
    device = pick_device(args.device)
    scale, joint_one = args.scale, is_joint(args.distribution, args.references)
    if scale is None and args.start in ("none", "auto") and not joint_one:
        scale = scale_for(args.distribution)
    begun = begin(args.start, args.network, scale, args.seed)
    if not joint_one:
        scale_for(args.distribution, begun.scale)
    # A twentieth is what keeps Adam's first steps, whose size does not depend on the gradient's, from undoing a start.
    warmup = args.warmup if args.warmup is not None else 0 if begun.start == "none" else args.steps // 20
    if args.resume and args.warmup is None:
        # More steps in all do not change how the run began.
        warmup = int(read_checkpoint(checkpoint).get("conditions", {}).get("warmup", 0))
    plan = TrainingPlan(
        steps=args.steps, batch=args.batch, lr_patch=args.patch, scale=begun.scale,
        losses=_losses.parse_losses(args.losses, args.lpips_weights), learning_rate=args.learning_rate,
        schedule=args.schedule, milestones=tuple(args.milestones), warmup=warmup, ema=args.ema, clip=args.clip,
        precision=args.precision, seed=args.seed,
    )  # fmt: skip
    build_losses(plan.losses, seed=0, device=torch.device("cpu"))  # whether they can be had, before much is read
    learning = parse_jointly(args.distribution, args.references, plan)
    source, crafted = _source(args.distribution, plan) if learning is None else (None, None)
    reduce = parse_clean(args.clean)

    files: list[Path] = []
    for location in args.hr:
        with console.status(f"reading {location}"):
            folder = scan_folder(local_folder(location, side="hr"), min_side=plan.hr_patch * reduce)
        console.print(f"{location}: {folder.summary()}", highlight=False, soft_wrap=True)
        files += folder.files
    with console.status("reading hr"):
        files = reduced_files(files, reduce, cache_folder("reduced"))
        pool = HrPool.from_files(files, min_side=plan.hr_patch, seed=args.seed)
    if pool.note:
        console.print(f"hr: {pool.note}", highlight=False, soft_wrap=True)
    trainer: PlannedLoop[Any]
    if learning is None:
        assert source is not None
        trainer = Trainer(begun.network, source, pool, plan, device=device, start=begun.start)
    else:
        trainer = joint = learning.trainer(begun, pool, plan, device, console)
    if args.resume:
        trainer.resume(checkpoint)
        console.print(f"resumed at step {trainer.step} of {plan.steps}", highlight=False)
    words = f"{begun.name}, x{begun.scale}, {parameter_count(begun.network):,} parameters, start: {begun.start}"
    console.print(f"network: {words}", highlight=False, soft_wrap=True)
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
    if learning is not None:
        source = joint.source()
        save_learned(learned_file(args.output), source)
        console.print(f"wrote {learned_file(args.output)}", highlight=False, soft_wrap=True)
    assert source is not None
    _save(trainer, args.output, begun, source, crafted, pool.content_hash)
    console.print(f"wrote {args.output} (and {checkpoint.name}, to train longer)", highlight=False, soft_wrap=True)
    return 0


def _check_files(args: argparse.Namespace, checkpoint: Path) -> None:
    if args.output.suffix != ".safetensors":
        raise DegcraftError(f"{args.output}: the model's name must end in .safetensors")
    check_outputs([(args.output, None)], args.distribution, args.lpips_weights)
    if args.resume:
        if args.overwrite:
            raise DegcraftError("--resume: goes on with a run and --overwrite begins anew; give one of them")
        if not checkpoint.is_file():
            raise DegcraftError(f"{checkpoint}: there is no checkpoint to resume from")
        return
    refuse_overwrite(args.output, args.overwrite)
    if checkpoint.exists() and not args.overwrite:
        raise DegcraftError(
            f"{checkpoint}: holds a run that was begun; add --resume to go on with it, or --overwrite to begin anew"
        )


def _check_names(args: argparse.Namespace) -> None:
    """What can be said before torch is loaded: it takes seconds."""
    from degcraft.networks import network_name
    from degcraft.sources import checked_source
    from degcraft.training.losses import checked_losses

    if args.network is not None:
        network_name(parse_network(args.network)[0])
    if args.start not in ("none", "auto"):
        check_model(args.start)
    parse_clean(args.clean)
    if not is_joint(args.distribution, args.references):
        checked_source(args.distribution)
    check_folders(*args.hr, *([] if args.references is None else [args.references]))
    # Whether the crops are large enough for them is the plan's to say.
    checked_losses(_losses.parse_losses(args.losses, args.lpips_weights), hr_patch=sys.maxsize)


def _source(text: str, plan: "TrainingPlan") -> "tuple[DegradationSource, dict[str, Any] | None]":
    """What to train on, and the content of crafted.json where there is one."""
    from degcraft.degradation import CraftedDistribution
    from degcraft.sources import make_source, parse_source

    source = make_source(text, scale=plan.scale, side=plan.hr_patch)
    known = parse_source(text)
    return source, CraftedDistribution.load(known["file"]).to_dict() if known["name"] == "crafted" else None


def _train(trainer: "PlannedLoop[Any]", console: Any, checkpoint: Path, every: int) -> bool:
    """Train to the end; False if a signal stopped it before."""
    from degcraft.training import stopped_by_signals

    with stopped_by_signals(trainer), training_shown(console, trainer.plan.steps, trainer.step) as shown:

        def on_step(step: int, _loss: float) -> None:
            recent = trainer.loss_history[-SHOWN_LOSSES:]
            loss = f"loss {sum(recent) / len(recent):.4f}"
            if len(means := trainer.loss_means()) > 1:
                loss += f" ({', '.join(f'{name} {mean:.4f}' for name, mean in means.items())})"
            shown(step, loss)
            if step % every == 0:
                trainer.save(checkpoint)

        trainer.run(on_step=on_step)
    return trainer.step >= trainer.plan.steps


def _save(
    trainer: "PlannedLoop[Any]",
    output: Path,
    begun: Begun,
    source: "DegradationSource",
    crafted: dict[str, Any] | None,
    hr_hash: str,
) -> None:
    """Write the averaged network, with all that it came from."""
    import torch

    from degcraft import __version__
    from degcraft.networks import save_network

    training = {
        "plan": trainer.plan.to_dict(),
        "start": Path(begun.start).name,
        "degradation": source.describe(),
        "hr": hr_hash,
        "precision": str(trainer.precision),
        "device": str(trainer.device),
        "final_loss": sum(trainer.loss_history[-SHOWN_LOSSES:]) / len(trainer.loss_history[-SHOWN_LOSSES:]),
        "final_losses": trainer.loss_means(),
        "degcraft": __version__,
        "torch": torch.__version__,
    }
    metadata = {"training": json.dumps(training)}
    if crafted is not None:
        metadata["crafted"] = json.dumps(crafted)
    save_network(
        output, trainer.ema_network(), name=begun.name, hyperparameters=begun.hyperparameters, metadata=metadata
    )
