"""The page on which one drops images: its text, its style and its script, sent as one file."""

from importlib.resources import files


def read_page() -> str:
    """The page as HTML, in need of nothing else."""
    page, style, looking, restoring = (
        files("deploy.http.page").joinpath(name).read_text(encoding="utf-8")
        for name in ("page.html", "page.css", "stage.js", "page.js")
    )
    return page.replace("{{style}}", style).replace("{{script}}", looking + restoring)
