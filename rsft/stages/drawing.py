"""How candidates are drawn: the law, the engine, and everything that they are a function of.

What other code or other libraries drew is not taken for this code's: DVC would record it as such.
"""

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch

from rsft.config import Config
from rsft.generate import Engine, SamplingLaw, local_engine
from rsft.policy import Policy, load_policy, use_machine
from rsft.stages.fingerprint import code_fingerprint

LIBRARIES = ("jinja2", "numpy", "tokenizers", "torch", "transformers")
DRAWING_CODE = ("generate", "policy", "prompts/slots.py", "randomness.py", "types.py", "wire")
"""What a completion is a function of, below ``rsft``; the stage's other code only moves rows."""
CODE = code_fingerprint(*DRAWING_CODE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A policy that is ready to draw."""

    policy: Policy
    """In the precision that it draws in."""
    version: str
    """Of its weights, whatever they are drawn in."""


def load(config: Config, model: Path) -> Loaded:
    """Loads a policy's folder, in the precision and on the device of the settings."""
    device = use_machine(config.runtime)
    policy = load_policy(model)
    policy_version = policy.version
    if config.generate.dtype != "float32":  # not by a cast, which would take tables of angles along
        policy = load_policy(model, dtype=getattr(torch, config.generate.dtype))
    policy.model.to(device)
    return Loaded(policy=policy, version=policy_version)


def sampling_law(config: Config) -> SamplingLaw:
    """The law of the settings."""
    section = config.generate
    return SamplingLaw(
        temperature=section.temperature,
        top_k=section.top_k,
        top_p=section.top_p,
        min_p=section.min_p,
        min_new_tokens=section.min_new_tokens,
        max_new_tokens=section.max_new_tokens,
        stop=tuple(section.stop),
    )


def build_engine(config: Config, loaded: Loaded, model: Path) -> Engine:
    """The engine of the settings, over a policy that lies in a folder."""
    section = config.generate
    if section.engine == "openai":
        from rsft.generate.openai import OpenAIEngine

        assert section.openai is not None
        return OpenAIEngine(loaded.policy, loaded.version, section.openai, str(model))
    return local_engine(section.engine, loaded.policy, loaded.version, config.runtime)


def drawing_plan(config: Config, key: str, policy_version: str, model: Path) -> dict[str, object]:
    """Everything that a candidate is a function of, beside its prompt and its draw."""
    section = config.generate
    not_drawn_by = {"draws_per_prompt", "part_prompts", "adaptive", "openai"}
    if section.engine == "openai":
        assert section.openai is not None
        # Not the address, time-outs and retries: a server that was started anew is the same.
        drawn_in = {"model": section.openai.model or str(model), "send": section.openai.send}
    else:
        drawn_in = config.runtime.model_dump()
    return {
        "code": CODE,
        "libraries": {name: version(name) for name in LIBRARIES},
        "policy": policy_version,
        "law_and_engine": section.model_dump(exclude=not_drawn_by),
        "drawn_in": drawn_in,
        "seed": config.seed,
        "round": int(key),
    }
