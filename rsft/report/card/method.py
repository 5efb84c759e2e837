"""The card's section on how the model was made."""

from collections.abc import Iterator, Mapping
from typing import Any

from rsft.report.markdown import code, escape_markdown
from rsft.report.sheet import UNKNOWN, Sheet, number_text, share_text

_LAW = ("temperature", "top_k", "top_p", "min_p", "max_new_tokens")
"""Settings of ``generate`` that make the law that candidates were drawn by."""


def method_section(manifest: Mapping[str, Any]) -> str:
    """Base, law, rewards, rule and training, then what each round came to."""
    lines = "\n".join(f"- {line}" for line in _lines(manifest))
    rows = [_row(figures) for figures in manifest["figures"]["rounds"]]
    header = ("round", "candidates", "accepted", "rate", "ESS", "KL", "pool rows", "steps", "loss")
    note = (
        "ESS: effective sample size of the weights, (ΣA)²/ΣA²; KL: of what was kept to what was "
        "drawn, in nats; loss: the first and the last of the training."
    )
    table = Sheet(title="", header=header, rows=rows, note=note).as_markdown()
    return f"## Method\n\n{lines}\n\n{table}"


def _lines(manifest: Mapping[str, Any]) -> Iterator[str]:
    params = manifest["params"]
    generate, finetune = params["generate"], params["finetune"]
    yield f"Base: {_base(manifest['base'])}."
    law = ", ".join(f"{name} {generate[name]}" for name in _LAW if generate[name] is not None)
    yield f"{generate['draws_per_prompt']} draws for each prompt and round: {law}."
    rewards = manifest["scorers"]["rewards"]
    yield f"Scored by {', '.join(map(_reward, rewards))}; the reward is their weighted mean."
    yield _acceptance(manifest["figures"]["rounds"][0])
    yield (
        f"Each round's policy was trained on its pool from "
        f"{'the base' if finetune['start'] == 'base' else 'the round before'}, by "
        f"−Σ A log M / Σ A: at most {finetune['steps']} steps of {finetune['batch_size']} rows, "
        f"learning rate {finetune['learning_rate']:g}{', LoRA' if finetune['lora'] else ''}."
    )
    stopped = manifest["monitors"][max(manifest["monitors"], key=int)]["stopped"]
    if stopped is not None:
        yield f"The rounds ended early: {escape_markdown(stopped)}."


def _base(base: Mapping[str, Any]) -> str:
    if base["source"] == "scratch":
        return f"trained from scratch on the labelled rows ({code(base['hash'])})"
    revision = f" at {code(base['revision'])}" if base["revision"] else ""
    return f"{code(base['name'])}{revision} ({code(base['hash'])})"


def _reward(reward: Mapping[str, Any]) -> str:
    asked = f", asking {code(reward['model'])}" if reward["model"] else ""
    return f"{code(reward['name'])} (weight {reward['weight']:g}{asked})"


def _acceptance(figures: Mapping[str, Any]) -> str:
    bound = f", bound {figures['bound']}" if figures["bound"] is not None else ""
    told = f"{figures['rule']}, target {figures['target']} over {figures['base_measure']}{bound}"
    return f"Accepted by the rule {escape_markdown(told)}."


def _row(figures: Mapping[str, Any]) -> tuple[str, ...]:
    training = figures["training"]
    loss = UNKNOWN
    if training is not None:
        loss = f"{training['first_loss']:.2f} → {training['last_loss']:.2f}"
    return (
        str(figures["round"]),
        f"{figures['candidates']:,}",
        f"{figures['accepted']:,}",
        share_text(figures["acceptance_rate"]),
        f"{figures['effective_sample_size']:,.0f}",
        number_text(figures["kl_to_proposal"], ".2f"),
        f"{figures['pool']['rows']:,}",
        number_text(training and training["steps"], ","),
        loss,
    )
