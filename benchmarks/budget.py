"""What drawing in waves saves on the embedded set: draws at equal coverage.

    make demo; python -m benchmarks.budget [--draws 32] [--wave 2]

For each policy of the last run, every training prompt is drawn for K times. A draw is a function
of its address, so what waves with the same cap would have drawn is a prefix of that: both solve
the same prompts, and the share of draws that waves need can be counted. "Solved" is having as
many right completions as the target asks for.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from rsft.config import load_config
from rsft.generate import NativeEngine, Request, SamplingLaw
from rsft.ledger import read_rows
from rsft.policy import load_policy, use_machine
from rsft.score import build_rewards, score_candidates
from rsft.stages.contract import split_file
from rsft.types import Prompt


def main() -> None:
    """Prints one line per policy and target."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=32, help="K, and the waves' cap")
    parser.add_argument("--wave", type=int, default=2, help="draws per wave")
    arguments = parser.parse_args()
    config = load_config()
    use_machine(config.runtime)
    prompts = read_rows(split_file("train"), Prompt)
    print(f"{'policy':16}{'target':>7}{'solved':>9}{'fixed K':>10}{'waves':>9}{'share':>8}")
    folders = [Path("data/base"), *sorted(Path("data/rounds").iterdir())]
    for folder in folders:
        policy = load_policy(folder / "model")
        engine = NativeEngine(
            policy,
            policy.version,
            memory_gib=config.runtime.memory_gib,
            max_rows=config.runtime.max_rows,
        )
        rewards = build_rewards(config.score)
        drawn = engine.draw(
            [Request(prompt=prompt, draws=range(arguments.draws)) for prompt in prompts],
            SamplingLaw(max_new_tokens=config.generate.max_new_tokens),
            seed=config.seed,
            round=1,
        )
        by_id = {prompt.prompt_id: prompt for prompt in prompts}
        right: dict[str, list[bool]] = {prompt.prompt_id: [] for prompt in prompts}
        scores = score_candidates(rewards, by_id, drawn)
        for candidate, score in zip(drawn, scores, strict=True):
            is_right = score.reward is not None and score.reward >= config.filter.correct_reward
            right[candidate.prompt_id].append(is_right and candidate.finish_reason == "stop")
        for target in (1, 2, 4):
            needed = sum(draws_needed(row, target, arguments.wave) for row in right.values())
            solved = sum(sum(row) >= target for row in right.values())
            print(
                f"{folder.name:16}{target:7}{solved:9,}{len(drawn):10,}{needed:9,}"
                f"{needed / len(drawn):8.0%}",
                flush=True,
            )


def draws_needed(right: Sequence[bool], target: int, wave: int) -> int:
    """Draws of a prompt until the end of the wave with the target's right one, or the cap."""
    places = [place for place, is_right in enumerate(right, start=1) if is_right]
    if len(places) < target:
        return len(right)
    return min(len(right), -(-places[target - 1] // wave) * wave)


if __name__ == "__main__":
    main()
