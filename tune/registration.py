"""Under which alias the best network of a search is registered: the champion moves only when it is beaten."""

from dataclasses import asdict, dataclass

from degcraft.errors import DegcraftError
from degcraft.metrics import Difference, ScoreTable, find_metric
from tracking import Store
from tracking.champion import NoSuchModel, list_versions
from tracking.models import load_sr_model
from tune.held_out import HeldOut, Scores
from tune.sections import TrackingSpec
from tune.spec import SearchSpec
from tune.state import SearchState
from tune.summary import Summary, decimals

CHAMPION, CANDIDATE = "champion", "candidate"


@dataclass(frozen=True)
class Registration:
    """What becomes of the best network."""

    best: str
    """Key of the trial that it was decided for."""
    alias: str | None
    """What the new version is called; None: it is not registered."""
    sentence: str
    """Why, in words."""


def decide(
    spec: SearchSpec, summary: Summary, held_out: HeldOut, store: Store, state: SearchState
) -> Registration | None:
    """Decide it, once for a best network: a resume finds what was decided before.

    Args:
        spec: The search.
        summary: Of the search.
        held_out: On which the present champion is scored.
        store: Where the present champion is registered.
        state: Keeps the decision.

    Returns:
        None if there is no best network.
    """
    if summary.best is None:
        return None
    if (kept := state.notes.get("registration")) is not None and kept["best"] == summary.best.key:
        return Registration(**kept)
    alias, sentence = _decided(spec, summary, held_out, store)
    registration = Registration(summary.best.key, alias, sentence)
    state.note("registration", asdict(registration))
    return registration


def _decided(spec: SearchSpec, summary: Summary, held_out: HeldOut, store: Store) -> tuple[str | None, str]:
    tracking = spec.tracking
    if tracking.register_when == "never":
        return None, "not registered, as tracking.register is never"
    if tracking.register_when == "always":
        return CHAMPION, "champion, as tracking.register is always"
    over = summary.won().get("bicubic")
    if over is not None and not over.mean >= 0:
        told = over.sentence("bicubic", find_metric(summary.metric).unit, decimals(summary.metric))
        return CANDIDATE, f"candidate, not champion: {told}"
    return _against_champion(tracking, summary, held_out, store)


def _against_champion(tracking: TrackingSpec, summary: Summary, held_out: HeldOut, store: Store) -> tuple[str, str]:
    name = tracking.register_as
    try:
        versions = list_versions(name, store.tracking_uri)
    except NoSuchModel:
        return CHAMPION, f"champion: the first version of {name}"
    except DegcraftError as error:
        return CANDIDATE, f"candidate, not champion: the present champion cannot be asked for ({error})"
    present = next((version for version in versions if CHAMPION in version.aliases), None)
    if present is None:
        return CHAMPION, f"champion: {name} had none"
    try:
        network = load_sr_model(f"models:/{name}@{CHAMPION}", "cpu", tracking_uri=store.tracking_uri)
    except DegcraftError as error:
        return CANDIDATE, f"candidate, not champion: version {present.number}, the champion, cannot be loaded ({error})"
    if network.scale != held_out.scale:
        return CANDIDATE, (
            f"candidate, not champion: version {present.number}, the champion, enlarges by {network.scale} and this "
            f"one by {held_out.scale}, so they do not compare; `degcraft champion` chooses"
        )
    difference = _difference(summary, held_out.score(network.model, "cpu"))
    told = difference.sentence(
        f"version {present.number}, the champion", find_metric(summary.metric).unit, decimals(summary.metric)
    )
    where = "on the same proxies" if held_out.kind == "proxy" else "on the same held-out images"
    if difference.low > 0:
        return CHAMPION, f"champion: {told} {where}"
    return CANDIDATE, f"candidate, not champion: {told} {where}"


def _difference(summary: Summary, present: Scores) -> Difference:
    assert summary.best is not None
    table = ScoreTable({"best": summary.best.image_scores, "present": present.images})
    return table.difference("best", "present", summary.metric)
