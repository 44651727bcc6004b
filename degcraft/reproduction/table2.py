"""Table 2: every row's scores beside the paper's, what it won over uniform training, and the share of the gap."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from degcraft.images.atomic import written_whole
from degcraft.metrics import Difference, ScoreTable, find_metric
from degcraft.reproduction.paper import reported, reported_share
from degcraft.reproduction.rows import UNIFORM, UPPER, Row
from degcraft.reproduction.share import Share, share_of_gap
from degcraft.reproduction.study import Study
from degcraft.reproduction.truth import Truth

HEADINGS = ("trained on", "PSNR", "SSIM", "PSNR over uniform", "share of the gap")
"""Of a part's table; LPIPS stands behind SSIM where it was scored."""
_NOTHING = "–"


@dataclass(frozen=True)
class Table2Part:
    """One network under one setting."""

    network: str
    """As it was asked for."""
    name: str
    """Of the architecture."""
    truth: Truth
    table: ScoreTable
    papers: Mapping[str, str]
    """Row → the paper's row that it stands beside."""

    def title(self) -> str:
        """What it is of, with the gap that shares are of."""
        gap = self.share(UPPER)
        told = "" if gap is None else f", {gap.gap:+.2f} dB from uniform training to the truth"
        setting = self.truth.setting
        low, high = (
            None if setting is None else reported(self.name, row, setting) for row in ("baseline", "Upper bound")
        )
        paper = f" (the paper's: {high['psnr'] - low['psnr']:+.2f})" if told and low and high else ""
        return f"{self.network}, setting {self.truth}: {len(self.table.images)} images{told}{paper}"

    def won(self, row: str) -> Difference | None:
        """A row's PSNR over uniform training's; None without that row."""
        return self.table.difference(row, UNIFORM, "psnr") if UNIFORM in self.table.rows else None

    def share(self, row: str) -> Share | None:
        """Of the PSNR between uniform training and the truth; None where one of them is missing."""
        if not {UNIFORM, UPPER} <= self.table.rows.keys():
            return None
        scores = [self.table.scores(each, "psnr") for each in (row, UNIFORM, UPPER)]
        kept = [values for values in zip(*scores, strict=True) if None not in values]
        return share_of_gap(*([one[place] for one in kept] for place in range(3))) if kept else None

    def cells(self) -> list[list[str]]:
        """A line of text per row, see `headings`; the paper's figures in brackets."""
        means, lines = self.table.means(), []
        for row in self.table.rows:
            cells = [row]
            for metric in self.table.metrics:
                places, paper = find_metric(metric).decimals, self._reported(row, metric)
                told = "" if paper is None else f" [{paper:.{places}f}]"
                cells.append(f"{means[row][metric]:.{places}f}{told}" if metric in means[row] else _NOTHING)
            won, share = self.won(row), self.share(row)
            cells.append(
                _NOTHING if won is None or row == UNIFORM else f"{won.mean:+.2f} ({won.low:+.2f} to {won.high:+.2f})"
            )
            cells.append(_NOTHING if share is None or row in (UNIFORM, UPPER) else self._share_cell(row, share))
            lines.append(cells)
        return lines

    def headings(self) -> list[str]:
        """Of `cells`."""
        first, *_, won, share = HEADINGS
        return [first, *(metric.upper() for metric in self.table.metrics), won, share]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "network": self.network,
            "setting": str(self.truth),
            "means": self.table.means(),
            "over_uniform": {row: _plain(self.won(row)) for row in self.table.rows},
            "share_of_gap": {row: _plain(self.share(row)) for row in self.table.rows},
            "reported": {
                row: reported(self.name, paper, self.truth.setting)
                for row, paper in self.papers.items()
                if self.truth.setting is not None
            },
            "scores": self.table.to_json(),
        }

    def _reported(self, row: str, metric: str) -> float | None:
        if row not in self.papers or self.truth.setting is None:
            return None
        return (reported(self.name, self.papers[row], self.truth.setting) or {}).get(metric)

    def _share_cell(self, row: str, share: Share) -> str:
        if share.share is None:
            return "the gap is not beyond chance"
        told = f"{100 * share.share:.0f} % ({100 * (share.low or 0):.0f} to {100 * (share.high or 0):.0f})"
        if row not in self.papers or self.truth.setting is None:
            return told
        paper = reported_share(self.name, self.papers[row], self.truth.setting, "psnr")
        return told if paper is None else f"{told} [{100 * paper:.0f} %]"


@dataclass(frozen=True)
class Table2:
    """All parts that there are."""

    parts: Sequence[Table2Part]
    protocol: str
    """What was trained on what, in a sentence."""

    def to_markdown(self) -> str:
        """A table per part."""
        lines = [self.protocol, "", "In brackets the paper's figures, on its own images.", ""]
        for part in self.parts:
            lines += [f"**{part.title()}**", "", _line(part.headings()), _line(["---"] * len(part.headings()))]
            lines += [*(_line(cells) for cells in part.cells()), ""]
        return "\n".join(lines)

    def save(self, folder: Path) -> list[Path]:
        """Writes table2.md and table2.json; returns their names."""
        files = {"table2.md": self.to_markdown(), "table2.json": json.dumps(self._content(), indent=1) + "\n"}
        for name, text in files.items():
            with written_whole(folder / name) as temporary:
                temporary.write_text(text, encoding="utf-8")
        return [folder / name for name in files]

    def _content(self) -> dict[str, Any]:
        return {"protocol": self.protocol, "parts": [part.to_dict() for part in self.parts]}


def run_part(study: Study, truth: Truth, rows: Sequence[Row]) -> Table2Part:
    """Trains what is missing, and scores it."""
    scores = {}
    for row in rows:
        scores[row.name] = row.scores(study, truth)
        mean = ScoreTable({row.name: scores[row.name]}).means()[row.name].get("psnr")
        study.say(f"setting {truth}: {row.name}: {mean:.2f} dB" if mean is not None else f"{row.name}: no score")
    papers = {row.name: row.paper for row in rows if row.paper is not None}
    return Table2Part(study.network.text, study.network.name, truth, ScoreTable(scores), papers)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(found: Difference | Share | None) -> dict[str, Any] | None:
    """With null for what is not finite, which JSON does not know."""
    if found is None:
        return None
    return {key: None if value in (float("inf"), float("-inf")) else value for key, value in asdict(found).items()}
