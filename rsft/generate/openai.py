"""Draws from a server with OpenAI's interface: vLLM, SGLang, ``transformers serve``.

One request asks for all draws of one prompt. OpenAI's own fields say the law, and so do those of
vLLM and SGLang (``top_k``, ``min_p``, ``min_tokens``, ``repetition_penalty``) where it needs
them. Servers sample by the policy's ``generation_config.json`` unless they are told otherwise, so
"nothing left out" is said too, where that file leaves something out. A server that does not know
a field refuses, and its word is passed on.

What comes back is taken on these terms:

    log-probabilities   log π(y|x), those of the policy at temperature 1, untruncated. That is what
                        vLLM gives by default (``--logprobs-mode raw_logprobs``). SGLang divides
                        the logits by the temperature first, unless it is started with
                        ``SGLANG_RETURN_ORIGINAL_LOGPROB=1``. No server says which it gives.
    log M(y|x)          the same number where the law is the policy's own; else not known.
    the stop token      counts, with its log-probability, as in vLLM and SGLang. A server that
                        leaves it out gives log π of the text alone, and cannot be told apart.
    token ids           asked for with ``send: tokens`` only, by a field that vLLM and SGLang know.
    the seed            is sent; what a server makes of it, and under which load, is its affair.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from rsft.config import OpenAISection
from rsft.errors import EngineError
from rsft.generate.engine import OnDrawn, Request
from rsft.generate.law import SamplingLaw
from rsft.policy import Policy, before_stop, encode_questions, render
from rsft.randomness import generator
from rsft.types import Candidate, Prompt
from rsft.wire import Choice, Link, gather_all, run_coroutine

_NEUTRAL = {"top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0}
"""What vLLM and SGLang call "off", of what they read in ``generation_config.json``; the others
that they read there, temperature and top-p, are always sent."""


class OpenAIEngine:
    """Draws candidates from a server; the policy gives the tokens, the rendering, the version."""

    def __init__(
        self, policy: Policy, version: str, section: OpenAISection, default_model: str
    ) -> None:
        """Takes a policy.

        Args:
            policy: Whose tokenizer and rendering are used.
            version: Its version, which candidates are marked with.
            section: The server.
            default_model: What the server is to call the policy, where the section does not say.
        """
        self._policy = policy
        self._version = version
        self._section = section
        self._model = section.model or default_model
        self._is_checked = False

    def draw(
        self,
        requests: Sequence[Request],
        law: SamplingLaw,
        *,
        seed: int,
        round: int,  # noqa: A002
        on_drawn: OnDrawn | None = None,
    ) -> list[Candidate]:
        """Draws what is asked for.

        Args:
            requests: Prompts that fit the policy, each with its draws.
            law: How tokens are drawn.
            seed: With the round, the prompt's id and its first draw, the address of the seed sent.
            round: The round that the candidates belong to.
            on_drawn: Told of a prompt's candidates when the last of them is there; from another
                thread, where the caller's runs an event loop.

        Returns:
            All draws of the first request, then of the next.

        Raises:
            EngineError: Where the server cannot be reached, serves another model, refuses a
                request, or does not answer one in full however often it is asked.
        """
        wanted = [request for request in requests if request.draws]
        if not wanted:
            return []
        law_fields = {"model": self._model, **_law_fields(law, self._policy)}
        prompts = [request.prompt for request in wanted]
        bodies = [law_fields | fields for fields in self._prompt_fields(prompts)]

        async def draw_all() -> list[list[Candidate]]:
            async with Link(self._section, "generate.openai") as link:
                if not self._is_checked:
                    await link.check_model(self._model)
                    self._is_checked = True
                tell = on_drawn or (lambda _: None)
                work = _Work(link, law, seed, round, self._version, tell)
                return await gather_all(map(work.draw, wanted, bodies))

        return [candidate for drawn in run_coroutine(draw_all()) for candidate in drawn]

    def _prompt_fields(self, prompts: Sequence[Prompt]) -> list[dict[str, Any]]:
        """What is sent of each prompt, and how log-probabilities are asked for with it."""
        if self._section.send == "messages":
            return [{"messages": _messages(self._policy, p), "logprobs": True} for p in prompts]
        # servers differ over whether 0 means "none"; the drawn token's comes with 1 too
        if self._section.send == "text":
            return [{"prompt": _text(self._policy, prompt), "logprobs": 1} for prompt in prompts]
        encoded = encode_questions(self._policy, prompts)
        return [{"prompt": ids, "logprobs": 1, "return_token_ids": True} for ids in encoded]


@dataclasses.dataclass(frozen=True, slots=True)
class _Work:
    """What the prompts of one call have in common."""

    link: Link
    law: SamplingLaw
    seed: int
    round: int
    version: str
    on_drawn: OnDrawn

    async def draw(self, request: Request, body: dict[str, Any]) -> list[Candidate]:
        prompt_id, draws = request.prompt.prompt_id, request.draws
        choices = await self._ask(prompt_id, draws, body)
        if len(choices) < len(draws):
            rest = (range(draw, draw + 1) for draw in draws[1:])
            singly = await gather_all(self._ask(prompt_id, draw, body) for draw in rest)
            choices += [choice for (choice,) in singly]
        drawn = [
            self._candidate(prompt_id, draw, choice)
            for draw, choice in zip(draws, choices, strict=True)
        ]
        self.on_drawn(drawn)
        return drawn

    async def _ask(self, prompt_id: str, draws: range, body: dict[str, Any]) -> list[Choice]:
        address = generator("openai", self.seed, self.round, prompt_id, draws.start)
        fields = {"seed": int(address.integers(2**31))}
        if len(draws) > 1:
            fields["n"] = len(draws)
        choices = await self.link.ask(body | fields, len(draws), f"prompt {prompt_id!r}")
        if any(choice.reasoning for choice in choices):
            raise EngineError(
                f"prompt {prompt_id!r}: {self.link.address} takes the reasoning out of "
                "completions, so that their log-probabilities are not those of the text; start "
                "it without a reasoning parser"
            )
        return choices

    def _candidate(self, prompt_id: str, draw: int, choice: Choice) -> Candidate:
        policy_logprob = None
        if choice.logprobs and None not in choice.logprobs:
            policy_logprob = math.fsum(filter(None, choice.logprobs))
        text = choice.text
        if not self.law.min_new_tokens:  # else one may stand among the first tokens, uncut
            text = before_stop(text, self.law.stop)  # not every server leaves it out
        return Candidate(
            prompt_id=prompt_id,
            round=self.round,
            draw=draw,
            policy_version=self.version,
            text=text,
            token_ids=choice.token_ids or None,
            token_count=choice.token_count,
            finish_reason=choice.finish_reason,
            proposal_logprob=policy_logprob if self.law.is_policy else None,
            policy_logprob=policy_logprob,
        )


def _law_fields(law: SamplingLaw, policy: Policy) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "max_tokens": law.max_new_tokens,
        "temperature": law.temperature,
        "top_p": 1.0 if law.top_p is None else law.top_p,
    }
    for name, neutral in _NEUTRAL.items():
        preset = getattr(policy.model.generation_config, name, None)
        if (value := getattr(law, name, None)) is not None:
            fields[name] = value
        elif preset not in (None, 0, neutral):
            fields[name] = neutral
    if law.min_new_tokens:
        fields["min_tokens"] = law.min_new_tokens
    if law.stop:
        fields["stop"] = list(law.stop)
    return fields


def _messages(policy: Policy, prompt: Prompt) -> list[dict[str, str]]:
    """The chat that a prompt is: what ``render`` would pass to the policy's chat template."""
    rendering = policy.rendering.model_copy(update={"chat": False})
    asked = {"role": "user", "content": render(prompt.text, rendering, policy.tokenizer)}
    return [*({"role": turn.role, "content": turn.content} for turn in prompt.context), asked]


def _text(policy: Policy, prompt: Prompt) -> str:
    """The rendered prompt, less a BOS that the server's tokenizer would add once more."""
    text = render(prompt.text, policy.rendering, policy.tokenizer, prompt.context)
    bos_id = policy.tokenizer.bos_token_id
    if bos_id is not None and policy.tokenizer(text)["input_ids"][:2] == [bos_id, bos_id]:
        return text.removeprefix(str(policy.tokenizer.bos_token))
    return text
