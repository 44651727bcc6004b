"""From images as a user names them to what they carry."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import torch

from degcraft import __version__
from degcraft.device import pick_device
from degcraft.errors import DegcraftError
from degcraft.features import load_degnet, make_extractor
from degcraft.images import list_files
from degcraft.inspection.against_clean import blur_against
from degcraft.inspection.clean import inspect_clean
from degcraft.inspection.estimate import inspect_files
from degcraft.inspection.pile import Pile, summarise


def inspect(
    *inputs: str | Path,
    hr: str | Path | None = None,
    weights: str | Path | None = None,
    device: str | torch.device = "auto",
    say: Callable[[str], None] = print,
    progress: Callable[[int, int], None] | None = None,
) -> Pile:
    """How blurred, noisy and compressed are these images, and do they belong together?

    >>> import degcraft
    >>> found = degcraft.inspect("photos")
    >>> print(found.sentences()[0])
    4 images: blur sigma ... px (...), noise ...
    >>> found.axes["noise_level"].value > 10
    True

    Args:
        inputs: Image files, and folders of them or their URIs. An image that is named twice counts once.
        hr: A folder (or URI) of clean images to look at, too: are they sharp and clean enough, and how blurred are
            these images against them?
        weights: Another network of `degcraft features train degnet`; None for the one that comes with degcraft.
        device: Where the network runs: cpu, cuda, cuda:1 …; auto takes a GPU if there is one.
        say: Told of every file that is skipped.
        progress: Called with the number of files done and of all; then, with `hr`, of bins measured and of all.

    Raises:
        DegcraftError: an input that is not there or holds no image, none that can be used, or no such device.
    """
    device = pick_device(device)
    if not inputs:
        raise DegcraftError("inspect needs an image or a folder to look at, but got none")
    files, left_out = list_files(inputs)
    network = load_degnet(None if weights is None else Path(weights), device)
    inspection = inspect_files(files, network, device=device, progress=progress)
    for one in inspection.skipped:
        say(f"skipped {one.path}: {one.reason}")
    inspection.check()
    pile = dataclasses.replace(
        summarise(inspection),
        left_out=tuple(left_out),
        provenance={"degcraft": __version__, "inputs": [str(one) for one in inputs], "device": device},
    )
    if hr is None:
        return pile
    clean_files, beside = list_files([hr], "hr")
    clean = inspect_clean(clean_files, network, device=device, left_out=beside)
    extractor = make_extractor("degnet", weights_file=weights, device=device)
    try:
        blur = blur_against(clean, pile, extractor, device=device, progress=progress)
    except DegcraftError as error:
        say(f"how blurred the images are against the clean ones could not be measured: {error}")
        blur = None
    return dataclasses.replace(pile, clean=clean, blur_against_clean=blur)
