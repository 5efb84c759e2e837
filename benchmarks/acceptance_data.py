import numpy as np

from rsft.filter import Candidates

ROWS_PER_PROMPT = 16


def candidates(rows: int, seed: int) -> Candidates:
    """Scored candidates as columns: half of them right, a tenth cut, texts repeated."""
    random = np.random.default_rng(seed)
    prompt_N = np.repeat(np.arange(-(-rows // ROWS_PER_PROMPT), dtype=np.int32), ROWS_PER_PROMPT)
    return Candidates(
        prompt_ids=[f"train-{number:07}" for number in range(-(-rows // ROWS_PER_PROMPT))],
        prompt_N=prompt_N[:rows],
        draw_N=np.arange(rows, dtype=np.int32) % ROWS_PER_PROMPT,
        reward_N=(random.random(rows) < 0.5).astype(float),
        is_finished_N=random.random(rows) < 0.9,
        proposal_logprob_N=-random.gamma(4.0, 2.0, rows),
        reference_logprob_N=None,
        density_N=None,
        tokens_N=random.integers(1, 40, rows).astype(np.float32),
        is_respelt_N=np.zeros(rows, bool),
        text_key_N=random.integers(0, 1 << 63, rows // 4, np.uint64)[
            random.integers(0, rows // 4, rows)
        ],
        text_N=None,
        success_rate_P=None,
    )
