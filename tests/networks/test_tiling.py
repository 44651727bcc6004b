"""Tiles give what the whole image gives, at any size and in bounded memory."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F
from torch.profiler import ProfilerActivity, profile

from degcraft.errors import DegcraftError
from degcraft.networks import build_network, upscale
from degcraft.networks.tiling import ALIGNMENT, _tiles, _weight, upscaled_parts


class Convolutional(nn.Module):
    """Sees 4 pixels around each output pixel, at scale 2, and remembers the sizes that it was given."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.kernel = nn.Parameter(torch.rand(12, 3, 9, 9, generator=generator) / 200)
        self.sizes: list[tuple[int, ...]] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.sizes.append(tuple(x.shape))
        return F.pixel_shuffle(F.conv2d(x, self.kernel, padding=4), 2)


@pytest.mark.parametrize("size", [(1, 1), (7, 90), (24, 25), (61, 130), (100, 33)])
def test_equal_to_untiled_where_the_receptive_field_is_within_the_overlap(size: tuple[int, int]) -> None:
    lr = torch.rand(3, *size, generator=torch.Generator().manual_seed(1))
    network = Convolutional()
    whole = upscale(network, lr, scale=2)
    torch.testing.assert_close(whole, network(lr[None])[0].clamp(0, 1))
    tiled = upscale(network, lr, scale=2, tile=24, overlap=8)
    assert whole.std() > 0
    assert (tiled - whole).abs().max() < 1e-5


@pytest.mark.parametrize("name", ["srresnet", "rrdbnet"])
@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_real_networks_agree_with_untiled(name: str, scale: int) -> None:
    small = {"channels": 4, "blocks": 1} | ({"growth": 2} if name == "rrdbnet" else {})
    network = build_network(name, scale=scale, **small)
    lr = torch.rand(2, 3, 131, 70)
    # A folded RRDBNet sees 19 convolutions at a quarter of the size: some 76 pixels around each at scale 1.
    overlap = {("rrdbnet", 1): 160, ("rrdbnet", 2): 80}.get((name, scale), 48)
    tiled = upscale(network, lr, scale=scale, tile=2 * overlap + 16, overlap=overlap)
    assert (tiled - upscale(network, lr, scale=scale)).abs().max() < 1e-5


@pytest.mark.parametrize("tile", [None, 24])
def test_grey_stays_grey_and_colours_are_as_the_network_gives_them(tile: int | None) -> None:
    colours = torch.rand(3, 30, 61, generator=torch.Generator().manual_seed(1))
    grey = colours[:1].expand(3, -1, -1)
    network = Convolutional()
    tinted = network(grey[None])[0].clamp(0, 1)
    assert (tinted - tinted[:1]).abs().max() > 0.01
    both = upscale(network, torch.stack([grey, colours]), scale=2, tile=tile, overlap=8)
    torch.testing.assert_close(both[0], tinted.mean(dim=0).expand(3, -1, -1))
    assert (both[0] == both[0][:1]).all()
    torch.testing.assert_close(both[1], network(colours[None])[0].clamp(0, 1))


def test_a_network_that_sees_farther_leaves_no_seam() -> None:
    """The output may differ from the untiled one, but never jumps where a tile ends."""

    class MeanOfAll(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.mean((2, 3), keepdim=True).expand_as(x)

    ramp = torch.linspace(0, 1, 200).expand(3, 16, 200)
    result = upscale(MeanOfAll(), ramp, scale=1, tile=64, overlap=16)
    steps = result.diff(dim=-1)
    # Neighbouring tiles lie 32 apart or less, so their means differ by up to 0.16, spread over 16 pixels.
    assert steps.min() > -1e-6
    assert steps.max() < 0.16 / 16 * 1.05


def test_the_network_never_sees_more_than_a_tile() -> None:
    network = Convolutional()
    upscale(network, torch.rand(3, 150, 200), scale=2, tile=40, overlap=10)
    assert max(max(size[-2:]) for size in network.sizes) <= 40
    assert all(size[0] == 1 for size in network.sizes)


@pytest.mark.parametrize("size", [(1, 20_000), (20_000, 1), (700, 900)])
def test_what_is_held_at_once_does_not_grow_with_the_square_of_a_side(size: tuple[int, int]) -> None:
    """Everything that torch allocates, counted, against the result and a band of tiles along the shorter side."""
    network = Convolutional()
    lr = torch.rand(1, 3, *size)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        parts = [part.sr.shape for part in upscaled_parts(network, lr, scale=2, tile=48, overlap=8)]
    assert sum(rows * columns for _, _, rows, columns in parts) == 4 * size[0] * size[1]
    held = most = 0
    for event in seen.profiler.kineto_results.events():  # type: ignore[union-attr]
        if event.name() == "[memory]":
            held += event.nbytes()
            most = max(most, held)
    band = 4 * 3 * 4 * 48 * min(size)  # floats of three colours, twice as high and wide
    assert 0 < most < 2.5 * band + 40 * 4 * 3 * 4 * 48 * 48


@pytest.mark.parametrize("size", [(61, 130), (130, 61)])
def test_the_parts_are_the_whole_each_once(size: tuple[int, int]) -> None:
    network, lr = Convolutional(), torch.rand(2, 3, *size)
    found = torch.full((2, 3, 2 * size[0], 2 * size[1]), torch.nan)
    for part in upscaled_parts(network, lr, scale=2, tile=24, overlap=8):
        assert found[..., part.rows, part.columns].isnan().all()
        found[..., part.rows, part.columns] = part.sr
    assert torch.equal(found, upscale(network, lr, scale=2, tile=24, overlap=8))


@given(
    length=st.integers(1, 400),
    overlap=st.integers(0, 20),
    room=st.integers(ALIGNMENT, 50),
    scale=st.integers(1, 4),
)
@settings(deadline=None, max_examples=150)
def test_tiles_cover_the_image_and_their_weights_add_up_to_one(
    length: int, overlap: int, room: int, scale: int
) -> None:
    tile = 2 * overlap + room
    spans = _tiles(length, tile, overlap)
    assert spans[0][0] == 0
    assert spans[-1][1] == length
    assert all(0 < end - start <= tile for start, end in spans)
    assert all(start % ALIGNMENT == 0 for start, _ in spans)
    assert all(end - start >= 2 * overlap for (_, end), (start, _) in pairwise(spans))

    total = torch.zeros(length * scale)
    for place, (start, end) in enumerate(spans):
        weight = _weight(spans, place, overlap, scale)
        assert weight.min() >= 0
        # The outer half of the overlap, where the missing surroundings are felt, does not count.
        if start > 0:
            assert weight[: overlap * scale // 2].sum() == 0
        if end < length:
            assert weight[len(weight) - overlap * scale // 2 :].sum() == 0
        total[start * scale : end * scale] += weight
    torch.testing.assert_close(total, torch.ones_like(total))


def test_reports_progress_and_keeps_the_mode_and_shape() -> None:
    seen: list[tuple[int, int]] = []
    network = Convolutional().train()
    batch = torch.rand(2, 3, 20, 40)
    result = upscale(network, batch, scale=2, tile=24, overlap=8, progress=lambda done, n: seen.append((done, n)))
    assert seen == [(i + 1, len(seen)) for i in range(len(seen))]
    assert len(seen) > 1
    assert network.training
    assert result.shape == (2, 3, 40, 80)
    assert result.dtype == torch.float32
    for i in range(2):
        torch.testing.assert_close(result[i], upscale(network, batch[i], scale=2, tile=24, overlap=8))


def test_output_stays_within_range() -> None:
    class Overshoot(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * 3 - 1

    result = upscale(Overshoot(), torch.rand(3, 50, 50), scale=1, tile=24, overlap=8)
    assert result.min() == 0
    assert result.max() == 1


@pytest.mark.parametrize(
    ("lr", "arguments", "message"),
    [
        (torch.rand(1, 8, 8), {"scale": 2}, r"must have shape \(3,h,w\) or \(B,3,h,w\), not \(1, 8, 8\)"),
        (torch.rand(3, 0, 8), {"scale": 2}, "must have shape"),
        (torch.rand(3, 8, 8), {"scale": 2, "tile": 39}, "at least 40 for an overlap of 16, but got 39"),
        (torch.rand(3, 8, 8), {"scale": 2, "overlap": -1}, "overlap must be 0 or more, but got -1"),
        (
            torch.rand(3, 8, 8),
            {"scale": 3},
            r"scale 3 must turn \(8, 8\) pixels into \(24, 24\), but gave \(16, 16\)",
        ),
    ],
)
def test_refuses_what_it_cannot_tile(lr: torch.Tensor, arguments: dict, message: str) -> None:
    with pytest.raises(DegcraftError, match=message):
        upscale(Convolutional(), lr, **arguments)
