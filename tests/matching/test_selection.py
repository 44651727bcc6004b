"""Files chosen for a pile: their distance, that no better exchange is missed, and that they are not all of one kind."""

import numpy as np
import pytest

from degcraft.errors import DegcraftError
from degcraft.matching import frechet_distance
from degcraft.matching.selection import NEIGHBOURS, _Pile, _Spacing, select_files


def files(count: int, c: int = 6, seed: int = 0) -> list[np.ndarray]:
    """Files of 1 to 5 patches, alike within a file."""
    random = np.random.default_rng(seed)
    mixing = random.normal(size=(c, c))
    return [
        5 + (random.normal(size=c) + 0.5 * random.normal(size=(random.integers(1, 6), c))) @ mixing
        for _ in range(count)
    ]


@pytest.mark.parametrize("c", [3, 6, 30])
def test_the_distance_is_the_frechet_distance(c: int) -> None:
    pile = files(20, c)
    whole = np.concatenate(pile)
    for places in ([0, 1, 2], [4, 9, 17, 3, 11, 2, 8]):
        chosen = np.concatenate([pile[i] for i in places])
        assert _Pile(pile).distance(np.array(places)) == pytest.approx(frechet_distance(chosen, whole), rel=1e-6)


def test_features_that_never_vary_change_nothing() -> None:
    pile = [np.hstack([one, np.full((len(one), 3), 7.0)]) for one in files(20)]
    chosen = [2, 5, 13, 19]
    expected = frechet_distance(np.concatenate([pile[i] for i in chosen]), np.concatenate(pile))
    assert _Pile(pile).distance(np.array(chosen)) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("c", [4, 40])
def test_the_best_addition_is_the_best_of_all(c: int) -> None:
    pile = files(60, c, seed=1)
    prepared, whole = _Pile(pile), np.concatenate(pile)
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(60)
        places, present, others = order[:9], int(order[9]), order[10:]
        rows = np.concatenate([pile[i] for i in places])
        by_hand = [frechet_distance(np.concatenate([rows, pile[i]]), whole) for i in order[9:]]
        assert prepared.best_addition(places, present, others) == order[9 + int(np.argmin(by_hand))]


def test_the_bounds_are_below_the_distances() -> None:
    pile = files(60, 12, seed=2)
    prepared = _Pile(pile)
    order = np.random.default_rng(0).permutation(60)
    bounds = prepared._bounds(order[:10], order[:9], order[10:])
    distances = prepared._with(order[:9], order[10:])
    assert (bounds <= distances + 1e-9).all()
    # and touch them at the present set
    here = prepared._bounds(order[:10], order[:9], order[9:10])
    assert here[0] == pytest.approx(prepared.distance(order[:10]), rel=0.02)


def test_the_chosen_are_nearer_than_any_drawn() -> None:
    pile = files(120)
    selection = select_files(pile, 15, seed=3)
    assert len(set(selection.chosen)) == 15
    assert selection.chosen == tuple(sorted(selection.chosen))
    expected = frechet_distance(np.concatenate([pile[i] for i in selection.chosen]), np.concatenate(pile))
    assert selection.distance == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert len(selection.drawn) == 25
    assert selection.distance < 0.5 * min(selection.drawn)
    assert selection == select_files(pile, 15, seed=3)


def test_no_single_exchange_would_help() -> None:
    pile = files(40)
    selection = select_files(pile, 6)
    prepared = _Pile(pile)
    means = np.stack([one.mean(axis=0) for one in pile])
    spacing = _Spacing(means)
    chosen = np.isin(np.arange(40), selection.chosen)
    for out in selection.chosen:
        others = np.array([i for i in selection.chosen if i != out])
        for into in np.flatnonzero(~chosen & spacing.allows(chosen, out)):
            assert prepared.distance(np.append(others, into)) >= selection.distance - 1e-9


def test_the_chosen_keep_apart() -> None:
    # Two in five of the pile are copies of one file, and would be of a set that is only near to the pile.
    random = np.random.default_rng(0)
    spread = [random.normal(size=(3, 4)) for _ in range(60)]
    copies = [np.ones((3, 4)) + 1e-3 * random.normal(size=(3, 4)) for _ in range(40)]
    selection = select_files([*spread, *copies], 30)
    assert selection.crowded == 0
    assert sum(place >= 60 for place in selection.chosen) <= NEIGHBOURS


def test_where_too_few_keep_apart_it_is_said() -> None:
    random = np.random.default_rng(0)
    spread = [random.normal(size=(3, 4)) for _ in range(30)]
    copies = [np.ones((3, 4)) + 1e-6 * random.normal(size=(3, 4)) for _ in range(20)]
    selection = select_files([*spread, *copies], 48)
    assert len(selection.chosen) == 48
    assert selection.crowded >= 48 - 30 - NEIGHBOURS


def test_progress_ends_at_the_whole() -> None:
    told: list[tuple[int, int]] = []
    select_files(files(20), 5, progress=lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1]
    assert all(done <= total for done, total in told)


def test_all_files_are_the_pile() -> None:
    pile = files(12)
    selection = select_files(pile, 12)
    assert selection.chosen == tuple(range(12))
    assert selection.distance == 0
    assert _Pile(pile).distance(np.arange(12)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("features", "count", "message"),
    [
        (files(4), 0, "count must be from 1 to the 4 files there are, but is 0"),
        (files(4), 5, "but is 5"),
        ([np.zeros((2, 3)), np.zeros((2, 4))], 1, "features must be"),
        ([np.zeros((0, 3)), np.zeros((2, 3))], 1, "features must be"),
        ([np.zeros((2, 3)), np.full((2, 3), np.nan)], 1, "features must be finite"),
    ],
)
def test_bad_input_is_refused(features: list[np.ndarray], count: int, message: str) -> None:
    with pytest.raises(DegcraftError, match=message):
        select_files(features, count)
