"""The recipes: batches that follow from the step, and weights that the extractors take."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from degcraft.errors import DegcraftError
from degcraft.features import DegNet, make_extractor
from degcraft.features.degnet_grids import GRIDS
from degcraft.features.training import LARGEST_CROP, RECIPES, Recipe
from degcraft.features.training.card import held_out_table, write_card
from degcraft.features.training.content import CleanContent
from degcraft.features.training.reservoir import Reservoir
from degcraft.images import HrPool, write_image
from degcraft.training import run_task

FEWER = tuple(GRIDS)[:-1]


def pool() -> HrPool:
    random = np.random.default_rng(0)
    return HrPool([random.integers(0, 256, (3, 300, 300), dtype=np.uint8) for _ in range(2)])


@pytest.fixture(params=list(RECIPES))
def recipe(request: pytest.FixtureRequest) -> Recipe:
    return RECIPES[request.param](pool(), steps=2, batch=4)


def test_batch_follows_from_its_step_alone(recipe: Recipe) -> None:
    again = RECIPES[recipe.settings["encoder"]](pool(), steps=2, batch=4)
    recipe.make_batch(0)
    for one, other in zip(recipe.make_batch(3), again.make_batch(3), strict=True):
        if isinstance(one, torch.Tensor):
            assert torch.equal(one, other)
        else:
            assert all(torch.equal(one[axis], other[axis]) for axis in one)


def test_weights_of_a_training_are_those_of_the_extractor(recipe: Recipe, tmp_path: Path) -> None:
    assert run_task(recipe.task, recipe.make_batch)
    save_file(recipe.weights(), tmp_path / "new.safetensors")
    extractor = make_extractor(recipe.settings["encoder"], weights_file=tmp_path / "new.safetensors")
    assert torch.isfinite(extractor(torch.rand(4, 3, 72, 72))).all()


def test_same_seed_gives_the_same_network_and_leaves_the_global_generator_alone() -> None:
    for make in RECIPES.values():
        state = torch.get_rng_state()
        first, second, other = (make(None, seed=seed).weights() for seed in (1, 1, 2))
        assert torch.equal(state, torch.get_rng_state())
        assert all(torch.equal(first[key], second[key]) for key in first)
        assert any(not torch.equal(first[key], other[key]) for key in first)


def test_only_new_axes_are_trained_where_that_is_asked(tmp_path: Path) -> None:
    torch.manual_seed(0)
    save_file(DegNet(FEWER).state_dict(), tmp_path / "start.safetensors")
    before = DegNet(FEWER).state_dict() | load_file(tmp_path / "start.safetensors")
    recipe = RECIPES["degnet"](
        pool(), steps=2, batch=4, start=tmp_path / "start.safetensors", learning_rate=0.1, only_new=True
    )
    drawn = {key: value.clone() for key, value in recipe.weights().items()}
    assert run_task(recipe.task, recipe.make_batch)
    after = recipe.weights()
    assert {key.split(".")[1] for key in after.keys() - before.keys()} == {tuple(GRIDS)[-1]}
    for key, value in after.items():
        if key in before:
            assert torch.equal(value, before[key]), key
        elif key.endswith("weight"):
            assert not torch.equal(value, drawn[key]), key


def test_only_new_needs_a_start_that_lacks_an_axis(tmp_path: Path) -> None:
    save_file(DegNet().state_dict(), tmp_path / "whole.safetensors")
    for start in (None, tmp_path / "whole.safetensors"):
        with pytest.raises(DegcraftError, match="only_new needs a start that lacks an axis"):
            RECIPES["degnet"](None, start=start, only_new=True)


def test_reservoir_renews_a_part_at_each_step() -> None:
    reservoir = Reservoir(CleanContent(pool(), leaves_share=0), side=16, capacity=8, renewed=2, seed=0)

    def held(step: int) -> set[bytes]:
        return {crop.numpy().tobytes() for crop in reservoir.batch(step, 8)}

    first, second, late = held(0), held(1), held(4)
    assert len(first & second) == 6
    assert not first & late
    assert held(0) == first


def test_card_says_what_was_measured(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    files = []
    for index in range(2):
        coarse = torch.from_numpy(random.random((1, 3, 24, 24))).float()
        image = torch.nn.functional.interpolate(coarse, size=LARGEST_CROP, mode="bicubic").clamp(0, 1)
        files.append(tmp_path / f"{index}.png")
        write_image(files[-1], image[0])
    table = held_out_table(make_extractor("degnet"), files[:1], files[1:], seeds=(0,), count=4, side=16)
    assert [row["setting"] for row in table] == [1, 2, 3, 4]
    assert all(0 <= row["on_true_bins"] <= 1 for row in table)
    write_card(
        tmp_path / "card.md", settings={"encoder": "degnet", "steps": 3}, command="degcraft features train degnet",
        data="two images", seconds=90, device="cpu", losses={"blur_sigma": 1.5}, table=table,
    )  # fmt: skip
    text = (tmp_path / "card.md").read_text()
    for part in ("# degnet", "two images", "2 minutes on cpu", "blur_sigma 1.500", "| setting |"):
        assert part in text
