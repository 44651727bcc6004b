"""The registry."""

import pytest
import torch

from degcraft.degradation import (
    OPERATORS,
    Axis,
    Degradation,
    DegradationSpace,
    Operator,
    Parameter,
    Taps,
    Values,
    degrade,
    find_parameter,
)
from degcraft.errors import DegcraftError


def _share(name: str) -> Parameter:
    return Parameter(name, name, "share", 0, 1, 0)


def test_operators_stand_in_the_order_of_the_equation() -> None:
    order = ["blur_sigma", "reduction", "enlarged", "noise_level", "sharpening", "earlier_jpeg_quality", "jpeg_quality"]
    assert [name for name in OPERATORS if name in order] == order


def test_an_unknown_axis_is_told_what_there_is() -> None:
    with pytest.raises(DegcraftError, match=r"blur_sigma, .*jpeg_quality.*, but got 'dust'"):
        find_parameter("dust")


def test_an_operator_is_one_thing() -> None:
    with pytest.raises(ValueError, match="one of kernel, reduce and apply"):
        Operator((_share("both"),))


def test_a_new_operator_needs_only_its_line_in_the_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    def dim(images: torch.Tensor, values: Values, generator: torch.Generator) -> torch.Tensor:
        return images * (1 - values["dimming"][:, None, None, None])

    def box(values: Values) -> Taps:
        half = (values["softness"] / 3)[:, None]
        taps = torch.cat([half, 1 - 2 * half, half], dim=1)
        return taps, taps

    monkeypatch.setitem(OPERATORS, "dimming", Operator((_share("dimming"),), apply=dim))
    monkeypatch.setitem(OPERATORS, "softness", Operator((_share("softness"),), kernel=box))
    space = DegradationSpace((Axis("dimming", 0.25, 0.75, 2), Axis("softness", 0, 1, 2)))
    generator = torch.Generator().manual_seed(0)
    drawn = space.sample_bin(3, 4, generator)
    flat = degrade(torch.full((4, 3, 16, 16), 0.8), drawn, 4, generator, quantise=False)
    expected = 0.8 * (1 - drawn.get("dimming"))[:, None, None, None].expand_as(flat)
    torch.testing.assert_close(flat, expected, atol=1e-6, rtol=0)

    point = torch.zeros(1, 3, 9, 9)
    point[..., 4, 4] = 1
    soft = Degradation({"softness": torch.ones(1), "blur_sigma": torch.zeros(1)})
    spread = degrade(point, soft, 1, generator, quantise=False)
    torch.testing.assert_close(spread[0, 0, 3:6, 3:6], torch.full((3, 3), 1 / 9))


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("jpeg_quality", "h264_quantiser"), "one kind of file, but got h264_quantiser and jpeg_quality"),
        (("noise_grain",), "noise_grain says nothing without noise_level"),
    ],
)
def test_axes_that_contradict_are_refused(names: tuple[str, ...], said: str) -> None:
    with pytest.raises(DegcraftError, match=said):
        DegradationSpace(tuple(Axis(name, 1, 2, 1) for name in names))


@pytest.mark.parametrize("name", sorted(OPERATORS))
@pytest.mark.parametrize("scale", [1, 4])
def test_an_operator_at_its_identity_does_nothing(name: str, scale: int) -> None:
    hr = torch.rand(3, 3, 64, 48, generator=torch.Generator().manual_seed(1))
    identity = {one.name: torch.full((3,), one.identity) for one in OPERATORS[name].parameters}
    plain, done = (degrade(hr, Degradation(one), scale, torch.Generator()) for one in ({}, identity))
    assert torch.equal(plain, done)


@pytest.mark.parametrize("name", sorted(OPERATORS))
def test_every_image_of_a_batch_has_its_own_parameters(name: str) -> None:
    random = torch.Generator().manual_seed(1)
    hr = torch.nn.functional.interpolate(torch.rand(4, 3, 16, 16, generator=random), 64, mode="bicubic").clamp(0, 1)
    parameters = OPERATORS[name].parameters
    values = {}
    for one in parameters:
        drawn = one.low + (min(one.high, 40) - one.low) * torch.rand(4, generator=random)
        values[one.name] = drawn.floor() if one.choices else drawn
        values[one.name][1] = one.identity
    together = degrade(hr, Degradation(values), 4, torch.Generator().manual_seed(5))
    assert torch.equal(together[1:2], degrade(hr[1:2], Degradation({}), 4, torch.Generator()))
    if name in ("noise_level", "earlier_jpeg_quality"):
        return  # What is drawn for an image depends on its place.
    for place in (0, 2, 3):
        alone = {key: value[place : place + 1] for key, value in values.items()}
        single = degrade(hr[place : place + 1], Degradation(alone), 4, torch.Generator().manual_seed(5))
        assert (together[place] - single[0]).abs().max() <= 1.01 / 255
