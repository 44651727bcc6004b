"""The registry."""

import pytest
import torch

from degcraft.degradation import OPERATORS, Axis, Degradation, DegradationSpace, Operator, degrade, find_operator
from degcraft.errors import DegcraftError


def test_operators_stand_in_the_order_of_the_equation() -> None:
    assert list(OPERATORS) == ["blur_sigma", "noise_level", "jpeg_quality"]


def test_an_unknown_axis_is_told_what_there_is() -> None:
    with pytest.raises(DegcraftError, match="blur_sigma, noise_level, jpeg_quality, but got 'grain'"):
        find_operator("grain")


def test_an_operator_is_one_thing() -> None:
    with pytest.raises(ValueError, match="either a kernel or an apply"):
        Operator(axis="both", unit="", low=0, high=1, identity=0)


def test_a_new_operator_needs_only_its_line_in_the_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    def dim(images, values, conditions):  # type: ignore[no-untyped-def]
        return images * (1 - values[:, None, None, None])

    def box(values: torch.Tensor) -> torch.Tensor:
        half = (values / 3)[:, None]
        return torch.cat([half, 1 - 2 * half, half], dim=1)

    monkeypatch.setitem(OPERATORS, "dimming", Operator("dimming", "share", 0, 1, 0, apply=dim))
    monkeypatch.setitem(OPERATORS, "softness", Operator("softness", "share", 0, 1, 0, kernel=box))
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
