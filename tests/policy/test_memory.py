"""The batch plan: rows within the memory allowed, and prompts that do not pile up."""

import torch

from rsft.policy import decode, rows_within
from rsft.policy.cohorts import Batch
from tests.policy.families import build


def rows(family: str = "t5", *, gib: float = 1e-4, longest: int = 10, copies: int = 4) -> int:
    return rows_within(build(family), gib, 10_000, [[3] * longest], [copies], 20)


def test_rows_by_hand() -> None:
    """Two layers of two heads, 4 wide, keys and values in float32: 128 bytes a token. A row has 21
    tokens, its share of two prompts of ten tokens, and five times the logits of 15 words."""
    row = 128 * (21 + 2 * 10 / 4) + 15 * 4 * 5
    assert rows() == int(1e-4 * 2**30 / row)


def test_more_memory_shorter_prompts_and_shared_prompts_give_more_rows() -> None:
    assert rows(gib=2e-4) > rows() > rows(longest=100)
    assert rows(longest=100, copies=16) > rows(longest=100)


def test_there_is_always_one_row_and_never_more_than_asked_for() -> None:
    assert rows(gib=1e-12) == 1
    assert rows(gib=1e6) == 10_000


def test_grouped_heads_are_counted_once() -> None:
    """Llama here has 4 heads that share 2 keys, 2 wide: 3 layers, 96 bytes a token."""
    row = 96 * (21 + 2 * 10 / 4) + 15 * 4 * 5
    assert rows("llama") == int(1e-4 * 2**30 / row)


def test_prompts_down_to_their_last_row_do_not_pile_up(monkeypatch) -> None:
    """Of eight copies seven stop at once and one goes on to the cap."""
    policy = build("t5")
    stop, held = policy.stop_id, []
    forward = Batch.forward

    def watch(self: Batch, token_N: torch.Tensor) -> torch.Tensor:
        held.append(self.prompts)
        return forward(self, token_N)

    def choose(logits_NV, row_N, step_N):
        return torch.where(row_N % 8 == 0, 4, stop)

    monkeypatch.setattr(Batch, "forward", watch)
    decoded = decode(policy, [[3, 4]] * 60, [8] * 60, max_rows=32, max_new_tokens=30, choose=choose)
    assert [len(row.token_ids) for row in decoded] == [30, 1, 1, 1, 1, 1, 1, 1] * 60
    assert max(held) == 8, "twice the four prompts of a full batch"
