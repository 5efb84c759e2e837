"""A whole round on dialogues: prompts of several turns, a reward model, a policy that chats.

    python -m benchmarks.dialogue ../shared/data/sgd

Trains a small Llama on the system's turns of some dialogues and a small reward model that tells the
system's real turn from one said elsewhere, puts both into a clone of this checkout, and runs
``examples/sgd-dialogue`` there: drawn, scored on the last turn, accepted, validated, fine-tuned,
evaluated, compared with the base's answers by the reward model, and registered. Adds what came out
to ``docs/log.md``, with a figure that the reward model has no say in: words shared with what the
system really said.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import WordLevel
from torch.nn.functional import binary_cross_entropy_with_logits
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
    PreTrainedTokenizerFast,
)

from rsft.config import FinetuneSection, RenderingSection
from rsft.finetune import train
from rsft.policy import Policy, save_policy
from rsft.policy.chat import render_chat
from rsft.prompts.splits import question
from rsft.report.tables import result_markdown
from rsft.stages.base import labelled_row
from rsft.types import Prompt, Role, Turn

ROOT = Path(__file__).parents[1]
EXAMPLE = Path("examples/sgd-dialogue/params.yaml")
DEFAULT = ROOT.parent / "shared" / "data" / "sgd"
SPLITS = {"labelled": range(40), "train": range(40, 96), "eval": range(96, 128)}
"""Dialogues of each split: no dialogue lies in two."""
SHAPE = {
    "hidden_size": 128,
    "intermediate_size": 384,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "max_position_embeddings": 1024,
}
SPECIAL = ["<pad>", "<s>", "</s>", "<unk>", "<|user|>", "<|assistant|>"]
TEMPLATE = (
    "{{ '<s>' }}{% for m in messages %}{{ '<|' + m['role'] + '|> ' + m['content'] + ' ' }}"
    "{% if m['role'] == 'assistant' %}{{ '</s>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|> ' }}{% endif %}"
)
STEPS = 400
SEED = 0


def main() -> None:
    """Runs the example and records it."""
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT
    file = source / "dev" / "dialogues_001.json"
    if not file.exists():
        sys.exit(f"error: {file}: not there; name the folder that holds Schema-Guided Dialogues")
    splits = read_splits(json.loads(file.read_text(encoding="utf-8")))
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "rsft"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        shutil.copy(clone / EXAMPLE, clone / "params.yaml")
        raw = clone / "data" / "raw"
        for name, prompts in splits.items():
            write_prompts(raw / f"{name}.jsonl", prompts, with_solution=name == "labelled")
        torch.set_num_threads(2)
        tokenizer = word_tokenizer(splits["labelled"] + splits["train"])
        train_policy(tokenizer, splits["labelled"], raw / "policy")
        accuracy = train_reward_model(
            tokenizer, splits["labelled"] + splits["train"], splits["eval"], raw / "reward_model"
        )
        done = subprocess.run(
            [sys.executable, "-m", "rsft", "run", "--json"],
            cwd=clone,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    written = entry(json.loads(done.stdout), accuracy)
    with (ROOT / "docs" / "log.md").open("a", encoding="utf-8") as log:
        log.write(written)
    print(written)


def read_splits(dialogues: Sequence[dict[str, Any]]) -> dict[str, list[Prompt]]:
    """One prompt for each turn of the system, with what was said before it.

    Dialogues begin alike: what was asked in an earlier split is left out of the later ones.
    """
    seen: set[object] = set()
    splits = {}
    for name, numbers in SPLITS.items():
        prompts = [prompt for number in numbers for prompt in _prompts(dialogues[number])]
        splits[name] = [prompt for prompt in prompts if question(prompt) not in seen]
        seen |= {question(prompt) for prompt in prompts}
    return splits


def _prompts(dialogue: dict[str, Any]) -> Iterator[Prompt]:
    roles: dict[str, Role] = {"USER": "user", "SYSTEM": "assistant"}
    turns = [
        Turn(role=roles[turn["speaker"]], content=_words(turn["utterance"]))
        for turn in dialogue["turns"]
    ]
    for place in range(1, len(turns), 2):
        yield Prompt(
            prompt_id=f"{dialogue['dialogue_id']}-{place}",
            text=turns[place - 1].content,
            context=tuple(turns[: place - 1]),
            answers=(turns[place].content,),
            solution=turns[place].content,
            family=dialogue["dialogue_id"],
            source="sgd",
            licence="CC-BY-SA-4.0",
        )


def _words(text: str) -> str:
    """Words and marks with one space between them, as the tokenizer below writes them."""
    splitter = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("isolated")]
    )
    return " ".join(word for word, _ in splitter.pre_tokenize_str(text.lower()))


def write_prompts(file: Path, prompts: Sequence[Prompt], *, with_solution: bool) -> None:
    """Writes prompts as the pipeline reads them."""
    rows = []
    for prompt in prompts:
        turns = [*prompt.context, Turn(role="user", content=prompt.text)]
        row: dict[str, Any] = {
            "id": prompt.prompt_id,
            "messages": [{"role": turn.role, "content": turn.content} for turn in turns],
            "answer": list(prompt.answers),
            "family": prompt.family,
        }
        rows.append(row | ({"solution": prompt.solution} if with_solution else {}))
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def word_tokenizer(prompts: Sequence[Prompt]) -> PreTrainedTokenizerFast:
    """A word-level tokenizer with a chat template."""
    texts = [turn.content for p in prompts for turn in p.context]
    texts += [text for p in prompts for text in (p.text, *p.answers)]
    words = sorted({word for text in texts for word in text.split()})
    vocabulary = {word: number for number, word in enumerate([*SPECIAL, *words])}
    backend = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    backend.normalizer = normalizers.Lowercase()
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 1)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        additional_special_tokens=SPECIAL[4:],
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def train_policy(
    tokenizer: PreTrainedTokenizerFast, labelled: Sequence[Prompt], folder: Path
) -> None:
    """Trains a policy on what the system said."""
    config = LlamaConfig(
        vocab_size=len(tokenizer), bos_token_id=1, eos_token_id=2, pad_token_id=0, **SHAPE
    )
    torch.manual_seed(SEED)
    policy = Policy(
        model=LlamaForCausalLM(config).eval(),
        tokenizer=tokenizer,
        rendering=RenderingSection(chat=True),
    )
    rows = [labelled_row(prompt) for prompt in labelled]
    section = FinetuneSection(steps=STEPS, batch_size=16, learning_rate=1e-3, warmup_steps=30)
    train(policy, rows, section, seed=SEED)
    save_policy(policy, folder)


def train_reward_model(
    tokenizer: PreTrainedTokenizerFast,
    prompts: Sequence[Prompt],
    unseen: Sequence[Prompt],
    folder: Path,
) -> float:
    """Trains a model to tell the system's turn from one said elsewhere.

    Returns:
        How often it ranks the real turn above a foreign one, on unseen dialogues.
    """
    config = LlamaConfig(vocab_size=len(tokenizer), pad_token_id=0, num_labels=1, **SHAPE)
    torch.manual_seed(SEED)
    model = LlamaForSequenceClassification(config)
    optimiser = torch.optim.AdamW(model.parameters(), lr=5e-4, weight_decay=0.05)
    random = np.random.default_rng(SEED)
    for _ in range(STEPS):
        picked = [prompts[k] for k in random.integers(0, len(prompts), 16)]
        logits = _logits(model, tokenizer, _pairs(picked, prompts, random))
        labels = torch.tensor([1.0, 0.0]).repeat(len(picked))
        optimiser.zero_grad()
        loss = binary_cross_entropy_with_logits(logits, labels)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    model.eval()
    with torch.inference_mode():
        logits = _logits(model, tokenizer, _pairs(unseen, unseen, random)).view(-1, 2)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return float((logits[:, 0] > logits[:, 1]).float().mean())


def _pairs(
    picked: Sequence[Prompt], prompts: Sequence[Prompt], random: np.random.Generator
) -> list[list[Turn]]:
    """Each prompt with the real turn, then with a foreign one."""
    dialogues = []
    for prompt in picked:
        others = [p.answers[0] for p in prompts if p.answers != prompt.answers]
        asked = [*prompt.context, Turn(role="user", content=prompt.text)]
        for said in (prompt.answers[0], others[random.integers(len(others))]):
            turn = Turn(role="assistant", content=said)
            dialogues.append([*asked, turn])
    return dialogues


def _logits(
    model: LlamaForSequenceClassification,
    tokenizer: PreTrainedTokenizerFast,
    dialogues: Sequence[Sequence[Turn]],
) -> torch.Tensor:
    texts = [render_chat(tokenizer, turns, is_answered=True) for turns in dialogues]
    batch = tokenizer(texts, add_special_tokens=False, padding=True, return_tensors="pt")
    batch.pop("token_type_ids", None)
    logits: torch.Tensor = model(**batch).logits[:, 0]
    return logits


def entry(summary: dict[str, Any], accuracy: float) -> str:
    """The log's entry for a run."""
    (figures,) = summary["rounds"]
    policies = {"base": summary["base"], "round 1": figures, **summary["controls"]["1"]}
    words = ", ".join(
        "{name} {mean:.1%} [{low:.1%}, {high:.1%}]".format(
            name=name, **found["sets"]["eval"]["measured"]["f1"]
        )
        for name, found in policies.items()
    )
    return (
        f"\n## {date.today()}: dialogues of several turns, scored by a reward model\n\n"
        f"`python -m benchmarks.dialogue`, {summary['seconds']['total']:.0f} s on two cores beside "
        f"the training of both models. The reward model ranks the real turn above a foreign one in "
        f"{accuracy:.1%} of unseen cases. Accepted {figures['accepted']:,} of "
        f"{figures['candidates']:,}, mean reward {figures['mean_reward']:.2f} → "
        f"{figures['mean_reward_accepted']:.2f}, KL to the proposal "
        f"{figures['kl_to_proposal']:.2f} nats. Right is what the reward model calls real:\n\n"
        f"{result_markdown(summary)}\n"
        "Words shared with what the system really said (F1 with 95% intervals by dialogue): "
        f"{words}.\n"
        f"{summary['model']['name']} version {summary['model']['version']}: "
        f"{summary['model']['reason']}.\n"
    )


if __name__ == "__main__":
    main()
