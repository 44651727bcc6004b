"""How near to a camera's own blur does `degcraft inspect --hr` come?

    python tests/benchmarks/benchmark_camera_blur.py --hr HR --pairs DIR:SCALE …

Every second camera pair, aligned in shift and brightness, says what its blur is: the sigma by which the HR image comes
nearest to the LR one (least squares). The inspection sees all LR images; as clean ones it is given --hr, photographs of
other cameras, and then the HR images of the other pairs. All in pixels of an image four times as large.
"""

import argparse
from pathlib import Path
from statistics import mean

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from degcraft.degradation import Degradation, degrade
from degcraft.features import load_degnet, make_extractor
from degcraft.images import bicubic_enlarge, list_files, list_pairs, read_rgb8
from degcraft.inspection import inspect_clean, inspect_files, summarise
from degcraft.inspection.against_clean import SCALE, blur_against
from degcraft.metrics import aligned_truth, estimate_alignment

SIGMAS = torch.arange(0, 5.01, 0.1)
INSIDE = 4
"""LR pixels at the border, beside those that the alignment leaves out, that a blur would fill by mirroring."""


def blur_of_pair(lr: torch.Tensor, hr: torch.Tensor, scale: int) -> float:
    """The best sigma, in HR pixels."""
    truth, border = aligned_truth(hr, estimate_alignment(bicubic_enlarge(lr, scale), hr))
    made = degrade(
        truth.clamp(0, 1).expand(len(SIGMAS), *truth.shape),
        Degradation({"blur_sigma": SIGMAS}),
        scale,
        torch.Generator(),
    )
    edge = -(-border // scale) + INSIDE
    height, width = (min(one, other) - edge for one, other in zip(lr.shape[1:], made.shape[2:], strict=True))
    errors = (made - lr[:, : made.shape[2], : made.shape[3]])[..., edge:height, edge:width].square().mean(dim=(1, 2, 3))
    return float(SIGMAS[errors.argmin()])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hr", required=True, type=Path)
    parser.add_argument("--pairs", required=True, nargs="+", metavar="DIR:SCALE")
    args = parser.parse_args()
    network, extractor = load_degnet(), make_extractor("degnet")
    table = Table(
        "pairs", "their blur, px (10 to 90 % of pairs)", "inspect", f"against {args.hr.name}", "against its own HR"
    )
    for text in args.pairs:
        folder, scale = text.rsplit(":", 1)
        files = list_pairs(folder).files
        images = [[torch.from_numpy(read_rgb8(file)).float() / 255 for file in pair] for pair in files[::2]]
        found = [blur_of_pair(lr, hr, int(scale)) * SCALE / int(scale) for lr, hr in images]
        pile = summarise(inspect_files([lr for lr, _ in files], network))
        against = [
            blur_against(inspect_clean(clean, network), pile, extractor)
            for clean in (list_files([args.hr])[0], [hr for _, hr in files[1::2]])
        ]
        low, high = np.quantile(found, [0.1, 0.9])
        table.add_row(
            Path(folder).name, f"{mean(found):.2f} ({low:.2f} to {high:.2f})",
            *(f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})" for one in (pile.axes["blur_sigma"], *against)),
        )  # fmt: skip
    Console(width=130).print(table)


if __name__ == "__main__":
    main()
