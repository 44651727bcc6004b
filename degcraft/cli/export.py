"""`degcraft export`: write a network, or a crafted distribution, for other software."""

import argparse
from pathlib import Path

from degcraft.cli import _for_trainer
from degcraft.cli._common import check_outputs, refuse_overwrite
from degcraft.cli._network import MODEL_HELP, check_model, load_model
from degcraft.errors import DegcraftError
from degcraft.trainers import TRAINERS

_TRAINERS = ", ".join(TRAINERS)
HELP = "write a network for other software (its weights, ONNX), or crafted.json for other trainers"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Writes a network so that other software opens it, after checking that it computes the same there:\n"
        "  .safetensors, .pth   the weights under the architecture's usual names, for chaiNNer and what else uses "
        "spandrel\n"
        "  .onnx                a graph for any batch, height and width; some architectures allow none\n"
        "With --for it writes a crafted distribution as another trainer's degradation block, as near as that trainer\n"
        "can be told, and says how near: most of them draw every axis by itself. wtp gets a folder of weighted files,\n"
        "which keep what belongs together. For exact pairs see `degcraft synthesize`."
    )
    parser.epilog = (
        "examples:\n"
        "  degcraft export best/model.safetensors -o film_x4.safetensors\n"
        "  degcraft export models:/degcraft-sr@champion -o film_x4.onnx\n"
        "  degcraft export crafted.json --for neosr --hr clean -o film.toml"
    )
    parser.add_argument("model", metavar="MODEL", help=f"{MODEL_HELP}; with --for, a crafted.json")
    parser.add_argument(
        "-o", "--output", required=True, type=Path, metavar="FILE", help=".safetensors, .pth or .onnx; the trainer's"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there already")
    _for_trainer.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    if args.trainer is not None:
        return _for_trainer.run(args)
    if Path(args.model).suffix == ".json":
        raise DegcraftError(f"{args.model}: is no network; a crafted distribution goes to a trainer: --for {_TRAINERS}")
    for name in ("scale", "images", "hr"):
        if getattr(args, name) is not None:
            raise DegcraftError(f"--{name}: is of a crafted distribution and needs --for, but {args.model} is none")
    check_outputs([(args.output, None)], args.model)
    refuse_overwrite(args.output, args.overwrite)
    check_model(args.model)

    from rich.console import Console

    from degcraft.networks.export import check_suffix, export

    check_suffix(args.output)
    console = Console()
    network = load_model(args.model, "cpu")
    with console.status(f"exporting {network.name} x{network.scale}"):
        note = export(network, args.output)
    console.print(f"wrote {args.output}; {note}", highlight=False, soft_wrap=True)
    return 0
