"""The starts that come with degcraft restore: better than bicubic on photographs that no training saw."""

from pathlib import Path

import pytest
import torch

from degcraft.degradation import TEST_SETTINGS, BoxSource
from degcraft.images import bicubic_enlarge, cut_patches, scan_folder
from degcraft.metrics import psnr
from degcraft.networks import STARTS, load_network, resolve_start
from degcraft.networks.shipped import start_licence

LIMIT = 3_000_000
"""Bytes that a start may take."""


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("setting", [2, 3, 4])
def test_a_start_is_better_than_bicubic(scale: int, setting: int, photographs: Path) -> None:
    hr = cut_patches(scan_folder(photographs / "others").files, size=160 // scale * scale, count=8, seed=0).images()
    lr, _ = BoxSource(TEST_SETTINGS[setting]).degrade(hr, scale, torch.Generator().manual_seed(0))
    with torch.inference_mode():
        restored = load_network(f"start:x{scale}").model(lr).clamp(0, 1)
    assert psnr(restored, hr, border=scale) > psnr(bicubic_enlarge(lr, scale), hr, border=scale) + 0.3


@pytest.mark.parametrize("name", STARTS)
def test_a_start_is_small_and_says_where_it_comes_from(name: str) -> None:
    path = STARTS[name]
    assert path.stat().st_size < LIMIT
    assert start_licence(name) == "Apache-2.0"
    card = path.with_suffix(".md").read_text(encoding="utf-8")
    assert f"degcraft train wide --hr cid22 clic2025 --network compact:channels=64,convs=8 --scale {name[1:]}" in card
    assert "training" in load_network(f"start:{name}").metadata


def test_auto_finds_the_start_of_the_very_network() -> None:
    assert set(STARTS) == {"x2", "x3", "x4"}
    own = {"channels": 64, "convs": 8}
    assert resolve_start("auto", "compact", 4, own) is not None
    assert resolve_start("auto", "compact", 4, {**own, "convs": 9}) is None
    assert resolve_start("auto", "compact", 1, own) is None
