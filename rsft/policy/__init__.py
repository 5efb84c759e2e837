"""Policies: loading and saving, rendering prompts, log-probabilities, decoding and answering."""

from rsft.policy.answering import answer
from rsft.policy.classifier import Classifier, Encoded, fetch_classifier
from rsft.policy.decode import Choose, Decoded, decode
from rsft.policy.loading import Policy, fetch_base, fetch_policy, load_policy, save_policy
from rsft.policy.logits import logits_of
from rsft.policy.logprobs import (
    IGNORED,
    MOST_LOGITS,
    batch_inputs,
    completion_logprobs,
    pad,
    token_logprobs,
)
from rsft.policy.machine import use_machine
from rsft.policy.memory import halved, is_out_of_memory, rows_within
from rsft.policy.proof import decoding_fault
from rsft.policy.rendering import (
    decode_completions,
    encode_completions,
    encode_prompts,
    encode_questions,
    refuse_too_long,
    render,
    special_texts,
)
from rsft.policy.scratch import build_scratch
from rsft.policy.stopping import StopStrings, before_stop

__all__ = [
    "IGNORED",
    "MOST_LOGITS",
    "Choose",
    "Classifier",
    "Decoded",
    "Encoded",
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
    "fetch_classifier",
    "fetch_policy",
    "halved",
    "is_out_of_memory",
    "load_policy",
    "logits_of",
    "pad",
    "refuse_too_long",
    "render",
    "rows_within",
    "save_policy",
    "special_texts",
    "token_logprobs",
    "use_machine",
]
