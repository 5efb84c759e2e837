"""What stages that train have in common: checkpoints to go on from, and a record beside the model.

Checkpoints lie outside the stage's outputs, in ``.rsft/training/<stage>``, and are removed once
the outputs are there. What other code or other libraries trained is not gone on with: DVC would
record it as this code's.
"""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch

from rsft.config import Config, HostsSection
from rsft.finetune import Checkpoints, Job, Meeting, train
from rsft.finetune.processes import written_into
from rsft.policy import Policy, load_policy, save_policy
from rsft.stages.contract import BASE, PRIVATE
from rsft.stages.fingerprint import code_fingerprint, machine_of, versions_of
from rsft.types import Progress, TrainingRow

_LIBRARIES = ("jinja2", "numpy", "peft", "tokenizers", "torch", "transformers")
_CODE = code_fingerprint("finetune", "policy", "prompts/slots.py", "randomness.py", "types.py")


def train_into(
    folder: Path,
    job: Job,
    stage: str,
    hosts: HostsSection | None,
    progress: Progress,
    *,
    setting: str = "finetune",
) -> None:
    """Trains a policy and writes it, with ``training.json`` beside it.

    Args:
        folder: The model folder to write.
        job: The policy and its rows.
        stage: Name of the stage with its key, such as ``finetune-1``.
        hosts: Where the hosts of a training meet that has several.
        progress: Told of steps.
        setting: Name of the job's section in ``params.yaml``.

    Raises:
        ConfigurationError: As ``train``.
        TrainingError: As ``train``; or where it cannot be written. Checkpoints stay then.
    """
    checkpoints = Checkpoints(PRIVATE / "training" / stage, training_plan(job, setting))
    training = train(
        job.policy,
        job.rows,
        job.section,
        seed=job.seed,
        reference=job.reference,
        heldout=job.heldout,
        checkpoints=checkpoints,
        meeting=None if hosts is None else Meeting(section=hosts, machine=this_machine()),
        on_progress=progress,
    )
    text = json.dumps(training.as_dict(), indent=1, sort_keys=True)
    with whole_or_not_at_all(folder):
        save_policy(job.policy, folder)
        (folder / "training.json").write_text(text + "\n", encoding="utf-8")
    checkpoints.remove()


@contextmanager
def whole_or_not_at_all(folder: Path) -> Iterator[None]:
    """Removes a model folder that was written in part, and says in one line what was in the way."""
    try:
        with written_into(folder):
            yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def reference_of(config: Config, device: torch.device) -> Policy | None:
    """The base, where ``finetune.beta`` keeps the policy near it."""
    if config.finetune.beta is None:
        return None
    return load_policy(BASE / "model", device=device)


def training_plan(job: Job, setting: str) -> dict[str, Any]:
    """Everything that the trained weights are a function of, by name."""
    reference, section = job.reference, job.section
    return {
        "code of rsft": _CODE,
        **versions_of(_LIBRARIES),
        "policy": job.policy.version,
        "reference policy": None if reference is None else reference.version,
        "rows": _digest(job.rows),
        "held-out rows": _digest(job.heldout),
        "seed": job.seed,
        "runtime.threads": torch.get_num_threads(),
        "runtime.device": job.policy.model.device.type,
        **dict(_leaves(setting, section.model_dump(mode="json", exclude={"checkpoint_steps"}))),
    }


def this_machine() -> dict[str, str]:
    """What two machines that train alike have in common, beside the settings, by name."""
    return machine_of(_CODE, _LIBRARIES)


def _digest(rows: Sequence[TrainingRow]) -> str:
    digest = blake2b(digest_size=16)
    for row in rows:
        digest.update(f"{row!r}\n".encode(errors="surrogatepass"))
    return digest.hexdigest()


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Each setting of a section by its full name."""
    if not isinstance(value, Mapping):
        yield name, value
        return
    for key, below in value.items():
        yield from _leaves(f"{name}.{key}", below)
