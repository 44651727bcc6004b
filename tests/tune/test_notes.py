"""What names and notes in MLflow say."""

from dataclasses import replace

import numpy as np

from degcraft.degradation import PAPER_SPACE, CraftedDistribution
from tests.tune.test_registration import spec
from tests.tune.test_summary import BICUBIC, CRAFTED, START, UNIFORM, summary, trial
from tune.notes import MOST_ROWS, run_name, search_note, trial_note, view_of
from tune.summary import CAVEAT


def test_a_name_says_score_and_weighting_first() -> None:
    assert run_name(CRAFTED, "psnr", best=False) == "26.03 dB · eq4 alpha 25 · degnet:cells"
    assert run_name(CRAFTED, "psnr", best=True).startswith("★ 26.03 dB · ")
    assert run_name(UNIFORM, "lpips", best=False) == "25.2333 lpips · uniform"
    failed = replace(CRAFTED, status="failed", scores={})
    assert run_name(failed, "psnr", best=False) == "failed: eq4 alpha 25 · degnet:cells"


def test_the_note_on_a_search_begins_with_the_verdict_and_its_rows() -> None:
    done = summary(BICUBIC, START, UNIFORM, CRAFTED)
    note = search_note(done, done.sentences(), "my-sr")
    lines = note.splitlines()
    assert lines[0] == done.sentences()[0]
    assert lines[2].startswith("| trial&emsp; | trained on&emsp; |")
    assert set(lines[3]) <= set("|- ")
    assert lines[4].startswith("| ★ [c]({run:c})&emsp; | degnet:cells&emsp; | eq4 alpha 25&emsp; | 26.03&emsp; |")
    assert [line.split("]")[0] for line in lines[5:8]] == ["| [u", "| [s", "| [i"]
    assert "[![restored]({artifact:search/preview.png})]({artifact:search/restored.png})" in note
    assert "`degcraft serve --model models:/my-sr@champion`" in note
    assert "- ended: all done" in note
    assert "runs:/{id:c}/model" in search_note(done, done.sentences(), None), "it is not the champion"


def test_without_ground_truth_photos_come_before_proxies_and_figures_with_their_caveat() -> None:
    blind = replace(summary(BICUBIC, UNIFORM, CRAFTED), held_out="proxy")
    note = search_note(blind, blind.sentences(), None)
    verdict, caveat, _ = note.split("\n\n", 2)
    assert verdict.startswith("best: degnet:cells eq4 alpha 25, psnr on proxies 26.03: ")
    assert caveat == CAVEAT
    assert note.index("{artifact:search/photos.png}") < note.index("{artifact:search/restored.png}")
    score, caveat, _ = trial_note(blind, CRAFTED, spec(), None).split("\n\n", 2)
    assert score.startswith("26.03 dB on proxies: ")
    assert caveat == CAVEAT


def test_a_search_without_a_score_has_a_note_too() -> None:
    note = search_note(summary(trial("x", "crafted", None, 1.0)), ["no trial has a score", "ended: all done"], None)
    assert note.startswith("no trial has a score\n")
    assert "restored" not in note
    assert "serve" not in note


def test_many_rows_are_cut() -> None:
    rows = [trial(f"t{number}", "crafted", [20.0 + number], 1.0) for number in range(30)]
    note = search_note(summary(*rows), ["best"], None)
    assert note.count("({run:t") == MOST_ROWS
    assert "{run:t29}" in note


def test_the_note_on_a_trial_says_what_it_won_what_it_was_crafted_for_and_how_to_serve_it() -> None:
    weights = np.zeros(PAPER_SPACE.n_bins)
    weights[3] = 1.0
    crafted = CraftedDistribution(PAPER_SPACE, weights)
    note = trial_note(summary(BICUBIC, START, CRAFTED), CRAFTED, spec(), crafted)
    assert note.startswith("26.03 dB on held-out ground truth: +2.03 dB over bicubic (95 % interval ")
    assert "compact channels=8 convs=2, ×4, trained on degnet:cells eq4 alpha 25 for 100 steps" in note
    assert "Crafted for r; effective bins: 1.0 of 75" in note
    assert "| 1.000&emsp; |" in note
    assert "`degcraft serve --model runs:/{id:c}/model`" in note
    bicubic = trial_note(summary(BICUBIC), BICUBIC, spec(), None)
    assert "24.00 dB on held-out ground truth\n" in bicubic
    assert "serve" not in bicubic
    failed = replace(CRAFTED, status="failed", failure="the loss is not finite", scores={})
    assert trial_note(summary(failed), failed, spec(), None) == "failed after 100 steps: the loss is not finite"


def test_the_view_sorts_by_the_score() -> None:
    assert view_of("lpips")[0] == "best-lpips-first"
    assert view_of("psnr")[1][:2] == ["metrics.`score`", "metrics.`psnr`"], "where the upper bound's is"
