"""The words of MLflow's pages: names of runs, and notes on a search, its trials and the model that is registered."""

from collections.abc import Sequence

from degcraft.degradation import CraftedDistribution
from degcraft.metrics import find_metric
from degcraft.results import Table
from tracking import PARENT
from tune.config import network_label
from tune.outcome import TrialOutcome
from tune.spec import SearchSpec
from tune.summary import CAVEAT, Summary, decimals

STAR = "★"
"""Of the best, in names and tables."""
MOST_ROWS = 12
"""Of a note's table; `trials.csv` has all."""
WIDEST = 800
"""Pixels of a picture in a note: MLflow cuts off what does not fit its column."""

REGISTERED = """Super-resolution networks that searches of degcraft found best. `@champion` is the one that is served;
the description of a version says what it was crafted for, and what it won.

With `MLFLOW_TRACKING_URI` set to this store:

    degcraft serve --follow
    degcraft upscale models:/NAME@champion IMAGES -o restored"""


def view_of(metric: str) -> tuple[str, list[str]]:
    """The name of the view of MLflow's table that begins with the best, and its columns."""
    # The metric has its own column, too: an upper bound has no score there.
    metrics = dict.fromkeys(["score", metric, "psnr", "ssim"])
    columns = [*(f"metrics.`{name}`" for name in metrics), "tags.`status`", "params.`trial.learning_rate`"]
    return f"best-{metric}-first", columns


def run_name(outcome: TrialOutcome, metric: str, *, best: bool) -> str:
    """A trial's name, what tells it from the others in front: a table shows some twenty characters."""
    config = outcome.config
    told = " · ".join(filter(None, (config.weighting_words(), config.label())))
    if not outcome.is_over:
        return f"{outcome.status}: {told}"
    return f"{STAR} " * best + f"{_score(outcome, metric)} · {told}"


def search_note(summary: Summary, said: Sequence[str], register_as: str | None) -> str:
    """What came of a search: the verdict, the rows, the restored images, the rest of what there is to say.

    Args:
        summary: Of the search.
        said: The sentences of its end, the verdict first.
        register_as: The name that the best was registered under, if it was.
    """
    # What proxies can say belongs to the verdict that they gave.
    lead = 2 if summary.held_out == "proxy" and summary.best is not None else 1
    verdict, rest = "\n\n".join(said[:lead]), said[lead:]
    best, table = summary.best, summary.table()
    rows = [
        [f"{STAR} " * (place in table.marked) + f"[{key}]({{run:{key}}})", *cells]
        for place, (key, *cells) in enumerate(table.rows[:MOST_ROWS])
    ]
    parts = [verdict, _spaced(table._replace(rows=rows))]
    if best is not None:
        whose = "photos" if summary.held_out == "proxy" else "restored"
        picture = f"![{whose}]({{artifact:{PARENT}/preview.png}})"
        parts.append(f"[{picture}]({{artifact:{PARENT}/{whose}.png}})")
        if whose == "photos":
            parts.append(f"[The proxies that were scored, beside their truth]({{artifact:{PARENT}/restored.png}})")
        parts.append(_use(f"models:/{register_as}@champion" if register_as else f"runs:/{{id:{best.key}}}/model"))
    view, _ = view_of(summary.metric)
    parts.append(f"[All runs, the best first]({{view:{view}}})")
    return "\n\n".join([*parts, "\n".join(f"- {sentence}" for sentence in rest)])


def trial_note(summary: Summary, outcome: TrialOutcome, spec: SearchSpec, crafted: CraftedDistribution | None) -> str:
    """What a trial's network is worth, what it was trained on, and how to use it.

    Args:
        summary: Of the trials that are over by now, this one among them.
        outcome: The trial.
        spec: The search.
        crafted: What it was trained on, if that has weights.
    """
    key, config = outcome.key, outcome.config
    if not outcome.is_over:
        return f"{outcome.status} after {outcome.step} steps: {outcome.failure or 'it has no score'}"
    won = summary.won_words(outcome)
    on = "proxies" if summary.held_out == "proxy" else f"held-out {summary.held_out}"
    parts = [f"{_score(outcome, summary.metric)} on {on}{': ' * bool(won)}{'; '.join(won)}"]
    if summary.held_out == "proxy":
        parts.append(CAVEAT)
    if config.network:
        trained = f", trained on {config.title()} for {outcome.step} steps" if outcome.step else ""
        parts.append(f"{network_label(config.network)}, ×{spec.scale}{trained}")
    if crafted is not None:
        whose = f"for {spec.references or spec.held_out.pairs}" if config.kind == "crafted" else "as a comparison"
        parts += [f"Crafted {whose}; {crafted.sentences()[0]}", _spaced(crafted.table())]
        parts.append(f"[Its weights]({{artifact:{key}/weights.png}})")
    parts.append(f"![samples]({{artifact:{key}/samples.png}})")
    if config.network:
        parts.append(_use(f"runs:/{{id:{key}}}/model"))
    return "\n\n".join(parts)


def _score(outcome: TrialOutcome, metric: str) -> str:
    return f"{outcome.score:.{decimals(metric)}f} {find_metric(metric).unit or metric}"


def _spaced(table: Table) -> str:
    # MLflow sets the cells of a table without any space between them.
    columns, *rows = ([f"{cell}&emsp;" for cell in line] for line in (table.columns, *table.rows))
    return table._replace(columns=columns, rows=rows).markdown()


def _use(model: str) -> str:
    return (
        "With `MLFLOW_TRACKING_URI` set to this store: "
        f"`degcraft serve --model {model}` or `degcraft upscale {model} IMAGES -o restored`"
    )
