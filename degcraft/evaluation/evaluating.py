"""Scoring rows on images as a user names both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from degcraft.device import pick_device
from degcraft.errors import DegcraftError
from degcraft.evaluation.evaluation import Evaluation
from degcraft.evaluation.images import EvaluatedImage, lone_images, paired_images, prepared
from degcraft.evaluation.names import BICUBIC, metric_names, row_names
from degcraft.evaluation.rows import Restore, one_scale, results_of, results_row, scale_between
from degcraft.images import bicubic_enlarge, local_folder, read_image, scan_folder
from degcraft.metrics import LpipsMetric, NiqeModel, ScoreTable, describe_alignments, score_image
from degcraft.networks import LoadedNetwork, load

NIQE_LEAST_SIDE = 96
"""One block of NIQE."""


def evaluate(
    *models: str | Path,
    pairs: str | Path | None = None,
    lr: str | Path | None = None,
    results: Mapping[str, str | Path] | None = None,
    metrics: Sequence[str] | None = None,
    border: int = 0,
    align: bool = False,
    niqe_clean: str | Path | None = None,
    niqe_model: str | Path | None = None,
    lpips_weights: str | Path | None = None,
    tile: int = 256,
    device: str | torch.device = "auto",
    load: Callable[[str, str], LoadedNetwork] = load,
    say: Callable[[str], None] = print,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """How well do networks restore these images, and which is better beyond doubt?

    Bicubic enlargement (a = -1/2, as Pillow's) is always a row. Restored images are rounded to 8 bits before they are
    scored, as a file would hold them. Pairs that can tell nothing apart (a blank page, an exact reproduction) are
    left out of all rows and named, and so is a network that fails.

    >>> import degcraft
    >>> found = degcraft.evaluate("start:x4", pairs="pairs", metrics=["psnr"])
    >>> list(found.scores.means())
    ['bicubic', 'start:x4']
    >>> print(found.sentences()[1])
    start:x4, PSNR RGB: tie with bicubic: ... dB (... to ..., 4 images)

    Args:
        models: Files of weights, or starts that come with degcraft; all of one scale.
        pairs: A folder (or URI) with lr/ and hr/, the same names in both: scored against that ground truth.
        lr: Instead of it, a folder (or URI) of images without ground truth: scored by NIQE.
        results: Rows that another method made elsewhere of these images: name → folder, under the images' names.
        metrics: Of `degcraft.metrics.METRICS`; None for psnr, psnr_y and ssim on pairs, and niqe without.
        border: HR pixels cut from every side first, 0 or more.
        align: For pairs that a camera took twice: estimates shift (up to 4 HR pixels) and brightness between the two
            once per pair, from the bicubic enlargement, and fits the ground truth to that for all rows alike.
        niqe_clean: A folder (or URI) of clean images that NIQE compares with.
        niqe_model: Instead of it, a NIQE model that was fitted before.
        lpips_weights: A local file with a backbone of LPIPS: AlexNet, VGG16 or SqueezeNet 1.1, as torchvision has them.
        tile: Largest side in LR pixels that a network sees at once, 8 or more.
        device: Where networks work: cpu, cuda, cuda:1 …; auto takes a GPU if there is one.
        load: What reads a model; `tracking.models.load_sr_model` reads them from MLflow.
        say: Told what was read.
        progress: Called with the number of images scored and of all, every row counted.

    Raises:
        DegcraftError: what does not go together, a model or an image that cannot be read, or pairs whose sides do not
            fit the scale.
    """
    if (pairs is None) == (lr is None):
        raise DegcraftError("there must be pairs or lr to score on, and not both")
    names = metric_names(metrics, pairs=pairs is not None, align=align)
    models_of = row_names([str(model) for model in models], results or {})
    device = pick_device(device)
    judges = _judges(names, niqe_clean, niqe_model, lpips_weights, say)
    networks = {row: load(model, device) for row, model in models_of.items()}
    images = paired_images(pairs, say) if pairs else lone_images(str(lr), say)
    made = {row: results_of(row, folder, images) for row, folder in (results or {}).items()}
    scale = one_scale(networks) if networks else scale_between(images, made)
    rows: dict[str, Restore] = {BICUBIC: lambda _, image: bicubic_enlarge(image, scale)}
    rows |= {row: partial(_restored, network, tile) for row, network in networks.items()}
    rows |= {row: results_row(files, scale) for row, files in made.items()}
    images, notes = prepared(images, scale, align)
    if align:
        notes.append(describe_alignments([own.alignment for own in images if own.alignment is not None]))
    if "lpips" in judges and judges["lpips"].note:
        notes.append(judges["lpips"].note)
    scores: dict[str, list[Any]] = {row: [] for row in rows}
    for number, (row, image) in enumerate(((row, image) for row in rows for image in images), start=1):
        low, high = image.read(scale)
        truth, extra = image.truth(high)
        scores[row].append(
            score_image(image.name, names, rows[row](image, low), truth, border=border + extra, **judges)
        )
        if progress is not None:
            progress(number, len(rows) * len(images))
    return Evaluation(ScoreTable(scores), names, scale, border, tuple(notes), tuple(images), rows)


def _restored(network: LoadedNetwork, tile: int, _: EvaluatedImage, lr: Tensor) -> Tensor:
    return network(lr, tile=tile).rgb


def _judges(
    metrics: Sequence[str],
    niqe_clean: str | Path | None,
    niqe_model: str | Path | None,
    lpips_weights: str | Path | None,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """What LPIPS and NIQE need, where they are asked for."""
    judges: dict[str, Any] = {}
    if "lpips" in metrics:
        judges["lpips"] = LpipsMetric(weights_file=lpips_weights)
    if "niqe" in metrics:
        if niqe_model is not None:
            judges["niqe"] = NiqeModel.load(niqe_model)
        elif niqe_clean is not None:
            folder = scan_folder(local_folder(niqe_clean, side="hr"), min_side=NIQE_LEAST_SIDE)
            judges["niqe"] = NiqeModel.fit(read_image(path).rgb for path in folder.files)
            say(f"niqe: {folder.summary()}")
        else:
            raise DegcraftError(
                "niqe needs to know clean images: give some by niqe_clean, or a saved model by niqe_model"
            )
    return judges
