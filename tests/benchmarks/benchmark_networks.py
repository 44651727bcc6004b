"""Which small network restores best for its cost? PSNR over bicubic at equal training time, and seconds per megapixel.

    python tests/benchmarks/benchmark_networks.py --hr clean --seconds 120

Every network is trained from nothing on `wide` degradations of eight ninths of the photographs for as long as every
other, with a cosine that ends there, and scored on one crop of 288 pixels of each of the other ninth under the paper's
Table 1 (PSNR, RGB, border 4). Seconds are those of a forward pass of 256x256 LR pixels, the fastest of three.
"""

import argparse
import time

import numpy as np
import torch
from torch import Tensor, nn

from degcraft.cli._network import parse_network
from degcraft.degradation import TEST_SETTINGS, BoxSource
from degcraft.images import HrPool, bicubic_enlarge, local_folder, read_rgb8, scan_folder
from degcraft.metrics import psnr
from degcraft.networks import build_network, parameter_count
from degcraft.sources.wide import WideSource
from degcraft.training import Trainer, TrainingDiverged, TrainingPlan

SCALE, CROP, SIDE = 4, 288, 256
NETWORKS = (
    "compact:channels=32,convs=12",
    "compact:channels=48,convs=10",
    "compact:channels=64,convs=8",
    "compact:channels=64,convs=16",
    "srresnet:channels=32,blocks=4",
    "span:channels=32",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hr", required=True, help="clean photographs")
    parser.add_argument("--networks", nargs="+", default=NETWORKS, metavar="NAME:KEY=VALUE,…")
    parser.add_argument("--seconds", type=float, default=120, help="training time of each (120)")
    parser.add_argument("--rate", type=float, default=1e-3, help="learning rate (1e-3)")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    files = scan_folder(local_folder(args.hr), min_side=CROP).files
    tests = files[::9]
    pool = HrPool.from_files([file for file in files if file not in tests], min_side=CROP)
    truth = torch.stack([_centre(read_rgb8(file)) for file in tests])
    inputs = {
        number: BoxSource(box).degrade(truth, SCALE, torch.Generator().manual_seed(number))[0]
        for number, box in TEST_SETTINGS.items()
    }
    plain = {number: _score(bicubic_enlarge(lr, SCALE), truth) for number, lr in inputs.items()}
    print(f"{len(tests)} images; bicubic", *(f"{value:.2f}" for value in plain.values()), flush=True)
    print("network | parameters | s per LR megapixel | steps | PSNR over bicubic, settings 1 to 4 | mean")
    for text in args.networks:
        name, hyperparameters = parse_network(text)
        count = f"{parameter_count(build_network(name, scale=SCALE, **hyperparameters)):,}"
        try:
            steps, network = _trained(name, hyperparameters, pool, args)
        except TrainingDiverged as error:
            print(f"{text} | {count} | diverged: {error}", flush=True)
            continue
        with torch.inference_mode():
            restored = {
                number: torch.cat([network(image[None].to(args.device)).cpu() for image in lr])
                for number, lr in inputs.items()
            }
        gains = [_score(image, truth) - plain[number] for number, image in restored.items()]
        cost = _seconds(network, args.device) / (SIDE * SIDE / 1e6)
        shown = " ".join(f"{gain:+.2f}" for gain in gains)
        print(f"{text} | {count} | {cost:.1f} | {steps} | {shown} | {np.mean(gains):+.2f}", flush=True)


def _trained(name: str, hyperparameters: dict, pool: HrPool, args: argparse.Namespace) -> tuple[int, nn.Module]:
    """As many steps as fit into the time, by the pace of the first twenty."""

    def trainer(steps: int) -> Trainer:
        network = build_network(name, scale=SCALE, seed=0, **hyperparameters)
        plan = TrainingPlan(steps=steps, learning_rate=args.rate, warmup=min(50, steps - 1))
        return Trainer(network, WideSource(), pool, plan, device=args.device)

    probe = trainer(24)
    probe.run(4)
    began = time.perf_counter()
    probe.run()
    steps = max(60, int(args.seconds / ((time.perf_counter() - began) / 20)))
    real = trainer(steps)
    real.run()
    return steps, real.ema_network()


def _seconds(network: nn.Module, device: str) -> float:
    image = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)).to(device)
    found = []
    with torch.inference_mode():
        for _ in range(4):
            began = time.perf_counter()
            network(image).sum().item()
            found.append(time.perf_counter() - began)
    return min(found[1:])


def _score(restored: Tensor, truth: Tensor) -> float:
    levels = restored.clamp(0, 1).mul(255).round().div(255)
    return psnr(levels, truth, border=SCALE)


def _centre(image: np.ndarray) -> Tensor:
    top, left = ((side - CROP) // 2 for side in image.shape[1:])
    return torch.from_numpy(np.array(image[:, top : top + CROP, left : left + CROP])).float() / 255


if __name__ == "__main__":
    main()
