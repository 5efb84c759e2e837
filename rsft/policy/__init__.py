"""Policies: loading and saving, rendering prompts, log-probabilities, decoding and answering."""

from rsft.policy.answering import answer
from rsft.policy.decode import Choose, Decoded, decode
from rsft.policy.loading import Policy, fetch_base, load_policy, save_policy
from rsft.policy.logprobs import batch_inputs, completion_logprobs, pad, token_logprobs
from rsft.policy.memory import halved, rows_within
from rsft.policy.proof import decoding_fault
from rsft.policy.rendering import (
    decode_completions,
    encode_completions,
    encode_prompts,
    encode_questions,
    refuse_too_long,
    render,
)
from rsft.policy.scratch import build_scratch
from rsft.policy.stopping import StopStrings, before_stop
from rsft.policy.threads import use_threads

__all__ = [
    "Choose",
    "Decoded",
    "Policy",
    "StopStrings",
    "answer",
    "batch_inputs",
    "before_stop",
    "build_scratch",
    "completion_logprobs",
    "decode",
    "decode_completions",
    "decoding_fault",
    "encode_completions",
    "encode_prompts",
    "encode_questions",
    "fetch_base",
    "halved",
    "load_policy",
    "pad",
    "refuse_too_long",
    "render",
    "rows_within",
    "save_policy",
    "token_logprobs",
    "use_threads",
]
