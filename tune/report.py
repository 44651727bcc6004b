"""What a search says when it is over: the table, what it means, and what to do next."""

from rich.console import Console

from tune.search import SearchResult

EXIT_INTERRUPTED = 130
EXIT_UNSENT = 3
EXIT_NOTHING = 1

_WORDS = ("trial", "trained on", "network", "weighting", "status")
"""Columns that hold no numbers."""


def print_result(result: SearchResult, console: Console, *, how_to_go_on: str) -> int:
    """Print the end of a search.

    Returns:
        The exit status: 0, 1 if no model came of it, 3 if MLflow has not got all of it, 130 if interrupted.
    """

    def say(text: str) -> None:
        console.print(text, highlight=False, soft_wrap=True, markup=False)

    summary = result.summary
    if summary.trials:
        console.print(summary.table().terminal(_WORDS, "bold green"))
    for sentence in summary.sentences():
        say(sentence)
    if result.unsent:
        why = f" ({result.waiting})" if result.waiting else ""
        say(f"MLflow has not got {result.unsent} records yet{why}; they are kept and sent by: {how_to_go_on}")
    for problem in result.problems:
        say(f"MLflow refused: {problem}")
    if result.problems:
        say(f"what MLflow refused is kept, and sent once more by: {how_to_go_on}")
    if result.interrupted:
        say(f"interrupted; everything is saved; go on with: {how_to_go_on}")
        return EXIT_INTERRUPTED
    if result.best is None:
        return EXIT_NOTHING
    say(f"best model: {result.best / 'model.safetensors'}")
    photos = result.best.with_name("photos.png")
    say(f"look at:    {photos if photos.exists() else result.best.with_name('restored.png')}")
    if result.registration is not None:
        say(f"registry:   {result.registration.sentence}")
    if result.registered is not None:
        say(f"registered: {result.registered}")
    say(f"browse:     {result.store.browse_command()}")
    if result.page is not None and (address := result.store.address_of(result.page)) is not None:
        say(f"            {address}")
    say(f"use:        degcraft upscale {result.best / 'model.safetensors'} IMAGES -o restored")
    say(f"serve:      degcraft serve --model {result.best / 'model.safetensors'}")
    return EXIT_UNSENT if result.unsent or result.problems else 0
