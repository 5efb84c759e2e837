"""Teacher-forced log-probabilities: what training learns from, and what sampling is checked by.

    encoder-decoder   reads the prompt; labels = completion
    decoder-only      reads prompt + completion; labels = −100 on the prompt, then the completion

Completions end in their stop token, which is a label like any other: a policy that never sees it
as a label never learns to stop. Padding is masked by length, never recognised by its id.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from rsft.policy.loading import Policy
from rsft.types import Progress

IGNORED = -100
"""Label of positions that are not to be learnt: the prompt, and padding."""

MOST_LOGITS = 1 << 27
"""Of one batch: 0.5 GiB in float32, of which there are three while the loss is computed."""


def batch_inputs(
    policy: Policy, prompt_ids: Sequence[Sequence[int]], completion_ids: Sequence[Sequence[int]]
) -> dict[str, Tensor]:
    """The model's inputs for R rows, padded on the right, and their labels.

    Args:
        policy: For its architecture, its padding and its device.
        prompt_ids: R prompts as ``encode_prompts`` gives them.
        completion_ids: R completions, the stop token included where there is one.

    Returns:
        ``input_ids`` and ``attention_mask`` (R, S); ``decoder_input_ids`` (R, T) for
        encoder-decoders; ``labels``, which are (R, T) for encoder-decoders, else (R, S).
    """
    if policy.is_encoder_decoder:
        start = policy.model.config.decoder_start_token_id
        shifted = [[start, *ids[:-1]] for ids in completion_ids]
        read, labels = prompt_ids, completion_ids
        more = {"decoder_input_ids": pad(shifted, policy.pad_id)}
    else:
        rows = list(zip(prompt_ids, completion_ids, strict=True))
        read = [[*prompt, *completion] for prompt, completion in rows]
        labels = [[*(IGNORED for _ in prompt), *completion] for prompt, completion in rows]
        more = {}
    lengths = torch.tensor([len(ids) for ids in read])
    input_ids = pad(read, policy.pad_id)
    batch = {
        "input_ids": input_ids,
        "attention_mask": (torch.arange(input_ids.shape[1]) < lengths[:, None]).long(),
        "labels": pad(labels, IGNORED),
        **more,
    }
    return {name: tensor.to(policy.model.device) for name, tensor in batch.items()}


def token_logprobs(policy: Policy, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Scores each token of each completion, given those before it: log π, differentiable.

    Args:
        policy: The policy.
        batch: What ``batch_inputs`` gave.

    Returns:
        ``logprob_RT`` in nats at temperature 1, 0 outside the completions; ``mask_RT``, true on
        the completions' tokens, the stop token included.
    """
    inputs = {name: tensor for name, tensor in batch.items() if name != "labels"}
    labels_RT = batch["labels"]
    if policy.is_encoder_decoder:
        logits_RTV = policy.model(**inputs, use_cache=False).logits
    else:
        labels_RT = labels_RT[:, 1:]
        first = int((labels_RT != IGNORED).any(dim=0).nonzero()[0])
        labels_RT = labels_RT[:, first:]
        kept = labels_RT.shape[1] + 1
        logits_RTV = policy.model(**inputs, use_cache=False, logits_to_keep=kept).logits[:, :-1]
    nll = cross_entropy(
        logits_RTV.float().flatten(0, 1),
        labels_RT.flatten(),
        ignore_index=IGNORED,
        reduction="none",
    )
    return -nll.view(labels_RT.shape), labels_RT != IGNORED


def completion_logprobs(
    policy: Policy,
    prompt_ids: Sequence[Sequence[int]],
    completion_ids: Sequence[Sequence[int]],
    *,
    batch_rows: int,
    progress: Progress | None = None,
) -> np.ndarray:
    """Sums log π over each completion: log π(y|x) in nats at temperature 1.

    Args:
        policy: The policy.
        prompt_ids: R prompts.
        completion_ids: R completions, the stop token included where there is one.
        batch_rows: Rows computed together, fewer where their logits take much memory; rows of
            like length are.
        progress: Told of the rows done.

    Returns:
        (R,) float64, in the order given.
    """
    done = 0
    logprob_R = np.zeros(len(prompt_ids))
    with torch.inference_mode():
        for rows in _batches(policy, prompt_ids, completion_ids, batch_rows):
            batch = batch_inputs(
                policy, [prompt_ids[r] for r in rows], [completion_ids[r] for r in rows]
            )
            logprob_R[rows] = token_logprobs(policy, batch)[0].double().sum(dim=1).cpu().numpy()
            done += len(rows)
            if progress is not None:
                progress(done, len(logprob_R))
    return logprob_R


def _batches(
    policy: Policy,
    prompt_ids: Sequence[Sequence[int]],
    completion_ids: Sequence[Sequence[int]],
    batch_rows: int,
) -> Iterator[list[int]]:
    """Numbers of the rows to compute together: of like length, and within ``MOST_LOGITS``."""
    lengths = [len(p) + len(c) for p, c in zip(prompt_ids, completion_ids, strict=True)]
    words = policy.model.config.get_text_config(decoder=True).vocab_size
    rows: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        if policy.is_encoder_decoder:
            width = max(len(completion_ids[r]) for r in [*rows, row])
        else:  # the longest row is the last; logits are kept from the end of the shortest prompt on
            width = lengths[row] - min(len(prompt_ids[r]) for r in [*rows, row]) + 1
        if rows and (len(rows) == batch_rows or (len(rows) + 1) * width * words > MOST_LOGITS):
            yield rows
            rows = []
        rows.append(row)
    if rows:
        yield rows


def pad(
    rows: Sequence[Sequence[int]], value: int, *, left: bool = False, width: int | None = None
) -> Tensor:
    """Rows as one (R, width) tensor, filled up with ``value``; by default to the longest."""
    longest = max(len(row) for row in rows) if width is None else width
    filled = [
        [*(value for _ in range(longest - len(row))), *row]
        if left
        else [*row, *(value for _ in range(longest - len(row)))]
        for row in rows
    ]
    return torch.tensor(filled, dtype=torch.long)
