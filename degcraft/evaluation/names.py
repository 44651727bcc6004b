"""What is scored and by which metrics, by name: looked at before what computes is loaded."""

from collections.abc import Collection, Sequence
from pathlib import Path

from degcraft.errors import DegcraftError
from degcraft.metrics import find_metric

BICUBIC = "bicubic"
"""The row that every other is compared with."""


def metric_names(metrics: Sequence[str] | None, *, pairs: bool, align: bool) -> tuple[str, ...]:
    """The metrics that are asked for, each once; None for the usual ones, on pairs or without ground truth.

    Raises:
        DegcraftError: An unknown metric, or a metric or `align` without the ground truth that it needs.
    """
    names = tuple(dict.fromkeys(metrics or (["psnr", "psnr_y", "ssim"] if pairs else ["niqe"])))
    for name in names:
        if find_metric(name).needs_reference and not pairs:
            raise DegcraftError(f"metrics: {name} compares with ground truth, so it needs pairs")
    if align and not pairs:
        raise DegcraftError("align: fits the ground truth to the lr images, so it needs pairs")
    return names


def row_names(models: Sequence[str], taken: Collection[str]) -> dict[str, str]:
    """Row → model: the file's name, or that of its folder, where that tells the rows apart, else as it was given.

    Raises:
        DegcraftError: The same model twice, a taken name twice or bicubic's, or no row at all.
    """
    if BICUBIC in taken:
        raise DegcraftError(f"results: every row must have a name of its own, but {BICUBIC!r} is taken")
    if not models and not taken:
        raise DegcraftError("there must be a model or results to score, but got neither")
    if len(set(models)) < len(models):
        twice = next(model for model in models if models.count(model) > 1)
        raise DegcraftError(f"every model must be given once, but {twice} is given {models.count(twice)} times")
    short = [model if ":" in model else _short(Path(model)) for model in models]
    ambiguous = {BICUBIC, *taken} | {name for name in short if short.count(name) > 1}
    return {model if name in ambiguous else name: model for name, model in zip(short, models, strict=True)}


def _short(model: Path) -> str:
    """A search calls its best network model.safetensors, in a folder that says more."""
    return model.parent.name if model.stem == "model" and model.parent.name else model.stem
