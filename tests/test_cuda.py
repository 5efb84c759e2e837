"""What is said of a GPU: the same bytes each time, the CPU's numbers but for rounding.

They skip where there is none, as on most machines that tests run on.
"""

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rsft.errors import RsftError
from rsft.finetune import Checkpoints, train
from rsft.generate import NativeEngine, Request, SamplingLaw
from rsft.generate.transformers import GenerateEngine
from rsft.ledger import read_rows, write_rows
from rsft.policy import Policy, completion_logprobs, encode_prompts, load_policy
from rsft.stages import evaluate, finetune, generate, score
from rsft.types import Answer, Candidate, Progress, Prompt, Scored, TrainingRow
from tests.finetune.cases import MANY, changed, distance, equal, tiny_policy, weights
from tests.generate.cases import ask
from tests.policy.classifiers import build as build_classifier
from tests.policy.classifiers import save as save_classifier
from tests.policy.families import FAMILIES, build
from tests.stages.cases import prompt, row, settings, silent, write_base

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here")

TEXTS = ["ann has 3 pens", "ann", "ann has 3 more and buys 4 more", "buys 7", "and more pens"]
LAWS = {
    "policy": SamplingLaw(max_new_tokens=12),
    "truncated": SamplingLaw(
        max_new_tokens=12, min_new_tokens=2, temperature=1.2, top_k=9, top_p=0.9, min_p=0.01
    ),
}
ENGINES = {"native": NativeEngine, "transformers": GenerateEngine}
ROUND = Path("data/rounds/1")
ON_GPU = ("rounds=1", "runtime.device=cuda")


class KilledError(Exception):
    """What stands for a kill."""


def on_gpu(policy: Policy) -> Policy:
    moved = copy.deepcopy(policy)
    moved.model.to("cuda")
    return moved


def draw(policy: Policy, engine: str, law: SamplingLaw) -> list[Candidate]:
    requests = [Request(prompt=ask(text, text), draws=range(12)) for text in TEXTS]
    return ENGINES[engine](policy, "v1", memory_gib=1, max_rows=40).draw(
        requests, law, seed=0, round=1
    )


def logprobs(policy: Policy, drawn: list[Candidate]) -> np.ndarray:
    """log π of candidates by a forward over the whole of each."""
    prompt_ids = encode_prompts(policy, [candidate.prompt_id for candidate in drawn])
    token_ids = [candidate.token_ids or () for candidate in drawn]
    return completion_logprobs(policy, prompt_ids, token_ids, batch_rows=32)


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@pytest.mark.parametrize(
    ("name", "engine"),
    [*((name, "native") for name in FAMILIES), ("t5", "transformers"), ("llama", "transformers")],
)
def test_drawn_log_probabilities_are_those_of_a_forward_here_and_on_the_cpu(
    name: str, engine: str, law: SamplingLaw
) -> None:
    policy = build(name)
    gpu = on_gpu(policy)
    drawn = draw(gpu, engine, law)
    assert draw(gpu, engine, law) == drawn
    told = np.array([candidate.policy_logprob for candidate in drawn], dtype=float)
    np.testing.assert_allclose(told, logprobs(gpu, drawn), atol=1e-4)
    np.testing.assert_allclose(told, logprobs(policy, drawn), atol=1e-4)


def test_the_cpu_draws_the_same_but_where_rounding_decides(tiny_t5: Policy) -> None:
    law = LAWS["policy"]
    here, there = draw(on_gpu(tiny_t5), "native", law), draw(tiny_t5, "native", law)
    same = [a.token_ids == b.token_ids for a, b in zip(here, there, strict=True)]
    assert sum(same) >= 0.98 * len(same)


def trained(
    policy: Policy, checkpoints: Checkpoints | None = None, stop: int = -1, **section: Any
) -> Sequence[float]:
    def told(done: int, total: int, note: str = "") -> None:
        if done == stop:
            raise KilledError

    progress: Progress = told
    asked = changed(steps=14, word_dropout=0.2, **section)
    result = train(
        policy, MANY, asked, seed=0, heldout=MANY[:3], checkpoints=checkpoints, on_progress=progress
    )
    return result.loss


@pytest.mark.parametrize("more", [{}, {"packing": True}, {"precision": "bfloat16"}], ids=str)
def test_training_gives_the_same_bits_each_time_and_after_a_kill(
    more: dict[str, Any], tmp_path: Path
) -> None:
    whole = on_gpu(tiny_policy())
    loss = trained(whole, **more)
    plan = {"rows": "3f" * 20}
    section = more | {"checkpoint_steps": 2}
    with pytest.raises(KilledError):
        trained(on_gpu(tiny_policy()), Checkpoints(tmp_path / "kept", plan), stop=9, **section)
    again, kept = on_gpu(tiny_policy()), Checkpoints(tmp_path / "kept", plan)
    assert kept.latest() is not None
    assert trained(again, kept, **section) == loss
    assert equal(weights(again), weights(whole))


@pytest.mark.parametrize("packing", [False, True])
def test_without_dropout_it_learns_as_on_the_cpu(packing: bool) -> None:
    policies = [on_gpu(tiny_policy(0.0)), tiny_policy(0.0)]
    losses = [trained(policy, packing=packing) for policy in policies]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-3)
    here, there = ([tensor.cpu() for tensor in weights(policy)] for policy in policies)
    assert distance(here, there) < 1e-2


@pytest.fixture
def base(tiny_t5: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_base(tiny_t5, [row(number, "n0 + n1 = r0", round=0) for number in range(2)])


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


@pytest.mark.usefixtures("base")
def test_a_killed_round_of_draws_goes_on_with_the_same_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = settings(*ON_GPU, "generate.part_prompts=2", "generate.draws_per_prompt=3")
    draw_ = NativeEngine.draw
    calls: list[int] = []

    def killed(self: NativeEngine, *arguments: Any, **options: Any) -> list[Candidate]:
        calls.append(1)
        if len(calls) == 2:
            raise KilledError
        return draw_(self, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(NativeEngine, "draw", killed)
        with pytest.raises(KilledError):
            generate.run(asked, "1", silent)
    generate.run(asked, "1", silent)
    resumed = files_of(ROUND / "candidates")
    other = settings(*ON_GPU, "generate.part_prompts=2", "generate.draws_per_prompt=3", "seed=1")
    generate.run(other, "1", silent)
    assert files_of(ROUND / "candidates") != resumed
    generate.run(asked, "1", silent)
    assert files_of(ROUND / "candidates") == resumed


@pytest.mark.usefixtures("base")
def test_models_score_there_as_on_the_cpu(tiny_t5: Policy) -> None:
    save_classifier(build_classifier("bert"), Path("data/raw/rm"))
    ways = ("score.rewards={reward_model: 1}", "score.reward_model={model: data/raw/rm}",
            "score.reference_logprob=true")  # fmt: skip
    prompts = [prompt(number) for number in range(2)]
    write_rows(Path("data/prompts/train.parquet"), Prompt, prompts)
    drawn = NativeEngine(tiny_t5, "v1", memory_gib=1, max_rows=64).draw(
        [Request(prompt=one, draws=range(8)) for one in prompts],
        SamplingLaw(max_new_tokens=6),
        seed=0,
        round=1,
    )
    write_rows(ROUND / "candidates" / "part-00000.parquet", Candidate, drawn)
    rows = []
    for device in ("cuda", "cpu"):
        score.run(settings("rounds=1", f"runtime.device={device}", *ways), "1", silent)
        rows.append(read_rows(ROUND / "scored", Scored))
    for here, there in zip(*rows, strict=True):
        assert here.reward == pytest.approx(there.reward, abs=1e-4)
        assert here.reference_logprob == pytest.approx(there.reference_logprob, abs=1e-4)
    assert [r.reward for r in rows[0]] != [r.reward for r in rows[1]]  # it was computed elsewhere


@pytest.mark.usefixtures("base")
def test_a_policy_is_trained_and_measured_by_the_stages() -> None:
    asked = settings(
        *ON_GPU, "evaluate.sets={eval: eval}", "evaluate.draws=3", "evaluate.k=2",
        "evaluate.max_new_tokens=5", "finetune.processes=1",
    )  # fmt: skip
    evaluate.run(asked, "0", silent)
    answers = read_rows(Path("data/base/answers"), Answer)
    assert len(answers) == 16
    first = files_of(Path("data/base/answers"))
    evaluate.run(asked, "0", silent)
    assert files_of(Path("data/base/answers")) == first
    write_rows(ROUND / "pool" / "kept.parquet", TrainingRow, MANY)
    write_rows(ROUND / "pool" / "heldout.parquet", TrainingRow, MANY[:3])
    (ROUND / "validation").mkdir()
    (ROUND / "validation" / "verdict.json").write_text(json.dumps({"success": True}))
    models = []
    for _ in range(2):
        finetune.run(asked, "1", silent)
        models.append((ROUND / "trained" / "model.safetensors").read_bytes())
    assert models[0] == models[1]
    assert load_policy(ROUND / "trained").model.device.type == "cpu"


def test_more_processes_than_gpus_are_refused() -> None:
    count = torch.cuda.device_count()
    section = changed(steps=2, processes=2 * count, batch_size=4 * count)
    with pytest.raises(RsftError, match=rf"{count} GPUs here"):
        train(on_gpu(tiny_policy()), MANY, section, seed=0)
