"""Stage ``generate``: K candidates per training prompt, with their exact log-probabilities.

Candidates are drawn part by part into a ledger outside the stage's outputs, so that a killed run
repeats one part at most; the finished ledger is copied into ``candidates/``. Parts that other code
or other libraries drew are not taken for this code's: DVC would record them as such.
"""

import hashlib
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import rsft
from rsft.config import Config
from rsft.generate import SamplingLaw, sample
from rsft.ledger import Ledger, read_rows
from rsft.policy import load_policy, use_threads
from rsft.stages.command import run_as_command
from rsft.stages.contract import PRIVATE, before, here, split_file
from rsft.types import Candidate, Progress, Prompt

_LIBRARIES = ("numpy", "tokenizers", "torch", "transformers")


def run(config: Config, key: str, progress: Progress) -> None:
    """Draws the candidates of a round."""
    use_threads(config.runtime.threads)
    section = config.generate
    prompts = read_rows(split_file("train"), Prompt)
    policy = load_policy(before(config, key) / "model")
    law = SamplingLaw(
        temperature=section.temperature,
        top_k=section.top_k,
        top_p=section.top_p,
        max_new_tokens=section.max_new_tokens,
    )
    plan = {
        "code": _code_fingerprint(),
        "libraries": {name: version(name) for name in _LIBRARIES},
        "policy": policy.version,
        "section": section.model_dump(),
        "runtime": config.runtime.model_dump(),
        "seed": config.seed,
        "round": key,
        "prompts": [(p.prompt_id, p.text, [asdict(turn) for turn in p.context]) for p in prompts],
    }
    ledger = Ledger(PRIVATE / "ledger", Candidate, plan)
    parts = range(0, len(prompts), section.part_prompts)
    for part, start in enumerate(parts):
        if not ledger.has(part):
            candidates = sample(
                policy,
                prompts[start : start + section.part_prompts],
                law,
                draws=section.draws_per_prompt,
                seed=config.seed,
                round=int(key),
                batch_prompts=section.batch_prompts,
            )
            ledger.append(part, candidates)
        progress(min(start + section.part_prompts, len(prompts)), len(prompts))
    ledger.materialise(here(key) / "candidates", len(parts))


def _code_fingerprint() -> str:
    root = Path(rsft.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(root.rglob("*.py")):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(root)} {len(content)}\n".encode() + content)
    return digest.hexdigest()


if __name__ == "__main__":
    run_as_command(run)
