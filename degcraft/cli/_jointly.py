"""`degcraft train pdm`: a network trained along with the degradation that it learns to undo."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from degcraft.cli._network import parse_network
from degcraft.cli._start import Begun
from degcraft.errors import DegcraftError

if TYPE_CHECKING:
    from rich.console import Console

    from degcraft.images import HrPool
    from degcraft.learned import JointTrainer, LearnedDegradation
    from degcraft.training import TrainingPlan

WORD = "pdm"


@dataclass(frozen=True)
class Jointly:
    """A degradation to learn along with the network."""

    model: "LearnedDegradation"
    how: "dict[str, Any]"
    """By which penalty and which discriminator."""
    references: str
    """Folder or URI of the images to learn from."""

    def trainer(
        self, begun: Begun, pool: "HrPool", plan: "TrainingPlan", device: str, console: "Console"
    ) -> "JointTrainer":
        """Reads the references, and says what there is of them."""
        from degcraft.images import HrPool, local_folder, scan_folder
        from degcraft.learned import JointTrainer

        with console.status("reading references"):
            folder = scan_folder(local_folder(self.references, side="lr"), min_side=plan.lr_patch)
            references = HrPool.from_files(folder.files, min_side=plan.lr_patch, seed=plan.seed)
        console.print(f"references: {folder.summary()}", highlight=False, soft_wrap=True)
        return JointTrainer(
            begun.network, self.model, pool, references, plan,
            **self.how, device=device, start=begun.start,
        )  # fmt: skip


def is_joint(distribution: str, references: str | None) -> bool:
    """Whether the degradation is learned along with the network; for the arguments see `parse_jointly`.

    Raises:
        DegcraftError: One without the other, or a wrong knob.
    """
    from degcraft.learned import checked_joint

    name = distribution.partition(":")[0]
    if references is None:
        if name == WORD:
            raise DegcraftError(f"{WORD}: is learned along with the network from --references, which is missing")
        return False
    if name == WORD:
        checked_joint(parse_network(distribution, option="DEGRADATION")[1])
    elif not distribution.endswith(".safetensors"):
        raise DegcraftError(
            f"--references: belongs to {WORD}, or to a pdm.safetensors to learn further, but got {distribution}"
        )
    return True


def parse_jointly(distribution: str, references: str | None, plan: "TrainingPlan") -> Jointly | None:
    """What the command asks for; None where it only trains the network.

    Args:
        distribution: `pdm`, `pdm:KNOB=VALUE,…`, or the file of a degradation to learn further.
        references: Where the images to learn from are; None: nothing is learned.
        plan: Of the training.

    Raises:
        DegcraftError: One without the other, a wrong knob, or a file of another scale.
    """
    from degcraft.learned import begin_degradation, load_learned

    if not is_joint(distribution, references):
        return None
    assert references is not None
    if distribution.partition(":")[0] == WORD:
        _, knobs = parse_network(distribution, option="DEGRADATION")
        return Jointly(*begin_degradation(plan.scale, plan.seed, knobs), references)
    learned = load_learned(distribution)
    try:
        learned.check(plan.scale, plan.hr_patch)
    except DegcraftError as error:
        raise DegcraftError(f"{distribution}: {error}") from None
    how = {name: learned.training[name] for name in ("penalty", "discriminator") if name in learned.training}
    return Jointly(learned.model.requires_grad_(True), how, references)


def learned_file(output: Path) -> Path:
    """Where the degradation is kept beside the network."""
    return output.with_suffix(f".{WORD}.safetensors")
