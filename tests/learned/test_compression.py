"""JPEG behind a learned degradation, against Pillow's own and against a known distribution."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from degcraft.degradation import Axis, CraftedDistribution, DegradationSpace
from degcraft.errors import DegcraftError
from degcraft.images import HrPool
from degcraft.learned import Compression, LearnedDegradation, LearnedSource, load_learned, save_learned, unpaired_crops

SMALL = {"channels": 8, "kernel_blocks": 1, "noise_blocks": 1, "size": 9}
CRAFTED = CraftedDistribution(
    DegradationSpace((Axis("noise_level", 0, 20, 2), Axis("jpeg_quality", 30, 90, 2, none=True))),
    np.array([0.1, 0.0, 0.2, 0.4, 0.0, 0.3]),
)


def compress(lr: torch.Tensor, quality: int) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray((lr * 255).round().byte().permute(1, 2, 0).numpy()).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer)).transpose(2, 0, 1) / 255


def test_the_result_is_that_of_a_jpeg_file_and_gradients_pass() -> None:
    hr = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    plain, behind = (LearnedDegradation(2, compression=c, **SMALL) for c in (None, Compression.fixed(40)))
    latents = behind.latents(2, (32, 32), torch.Generator().manual_seed(1))
    before, after = plain(hr, latents._replace(quality=None))[0], behind(hr, latents)[0]
    for one, other in zip(before.detach(), after.detach().numpy(), strict=True):
        np.testing.assert_allclose(other, compress(one, 40), atol=3 / 255)
    assert not torch.allclose(before, after, atol=3 / 255)
    after.sum().backward()
    assert all(bool(one.grad.abs().sum() > 0) for one in behind.noise.parameters())


def test_qualities_are_drawn_as_a_crafted_distribution_has_them() -> None:
    compression = Compression.of_crafted(CRAFTED)
    assert compression.ranges == ((30, 60, pytest.approx(0.5)), (60, 90, 0), (float("inf"), float("inf"), 0.5))
    drawn = compression.draw(4000, torch.Generator().manual_seed(0))
    assert float(drawn.isinf().float().mean()) == pytest.approx(0.5, abs=0.03)
    finite = drawn[drawn.isfinite()]
    assert float(finite.min()) >= 30
    assert float(finite.max()) <= 60
    assert float(finite.mean()) == pytest.approx(45, abs=1)


def test_the_file_keeps_it(tmp_path: Path) -> None:
    compression = Compression.of_crafted(CRAFTED)
    source = LearnedSource(LearnedDegradation(2, compression=compression, **SMALL))
    save_learned(tmp_path / "a.safetensors", source)
    loaded = load_learned(tmp_path / "a.safetensors")
    assert loaded.model.compression == compression
    assert loaded.describe() == source.describe()
    assert LearnedSource(LearnedDegradation(2, **SMALL)).identity != source.identity


def test_references_are_cut_where_their_blocks_begin() -> None:
    smooth = torch.nn.functional.interpolate(
        torch.rand(1, 3, 24, 24, generator=torch.Generator().manual_seed(0)), size=160, mode="bicubic"
    )[0].clamp(0, 1)
    cut = np.ascontiguousarray((compress(smooth, 50)[:, 3:, 5:] * 255).round().astype(np.uint8))
    model = LearnedDegradation(1, compression=Compression.fixed(50), **SMALL)
    given = {"batch": 8, "lr_patch": 32, "seed": 0, "device": torch.device("cpu")}
    _, crops, _ = unpaired_crops(model, HrPool([cut]), HrPool([cut] * 32), **given)(0)  # type: ignore[arg-type]
    whole = torch.from_numpy(cut[:, 5:, 3:]).float() / 255
    places = [whole[:, y : y + 32, x : x + 32] for y in range(0, 121, 16) for x in range(0, 121, 16)]
    for crop in crops:
        assert any(place.shape == crop.shape and torch.equal(place, crop) for place in places)


@pytest.mark.parametrize(
    ("ranges", "said"),
    [
        ([], "1 to 1000 ranges"),
        ([[30, 120, 1]], r"jpeg_quality must be low <= high inside \[1, 100\]"),
        ([[30, 40, -1]], "weights must be numbers of at least 0"),
        ([[30, 40, 0]], "must not all be zero"),
        ([[30, 40]], "two qualities and a weight"),
        ([[30, 40, None]], "weights must be numbers"),
        ("75", "must be a list of ranges"),
    ],
)
def test_wrong_ranges_are_refused(ranges: object, said: str) -> None:
    with pytest.raises(DegcraftError, match=said):
        Compression.from_list(ranges)


def test_a_distribution_without_jpeg_is_refused(tmp_path: Path) -> None:
    CraftedDistribution.uniform(DegradationSpace((Axis("blur_sigma", 0, 4, 2),))).save(tmp_path / "a.json")
    with pytest.raises(DegcraftError, match="needs a distribution with the axis jpeg_quality, but it has blur_sigma"):
        Compression.parse(str(tmp_path / "a.json"))
    with pytest.raises(DegcraftError, match="jpeg_quality must be"):
        Compression.parse("0")
