"""``runtime`` and ``generate``: the machine, the sampling law and the engine that draws by it."""

from typing import Literal, Self

from pydantic import Field, model_validator

from rsft.addresses import has_secret
from rsft.config.section import Section

LEAST_TEMPERATURE = 1e-3
"""Logits divided by less may leave the range of a float."""


class RuntimeSection(Section):
    """The machine, as far as it changes results."""

    threads: int = Field(ge=1)
    """Threads of torch's CPU kernels. Another number gives other roundings, hence other draws."""
    memory_gib: float = Field(default=1.0, gt=0)
    """What decoding may take beside the weights: with the policy's shape it gives the rows decoded
    at once, the batch plan. Another plan gives other roundings too."""
    max_rows: int = Field(default=1024, ge=1)
    """At most so many rows decoded at once, whatever the memory."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where policies draw, are trained and are evaluated, and where models of rewards are asked."""


class OpenAISection(Section):
    """A server with OpenAI's interface: vLLM, SGLang, ``transformers serve``."""

    base_url: str = Field(pattern=r"^https?://\S+$")
    """Address of its interface, such as ``http://127.0.0.1:8000/v1``."""
    model: str | None = None
    """Name that the server gives the policy; by default the folder of the round's policy, which
    is what ``vllm serve data/base/model`` calls it."""
    send: Literal["tokens", "text", "messages"] = "tokens"
    """What a prompt is sent as: the very tokens that training reads, the rendered text, or chat
    messages, which the server renders by its own template."""
    concurrency: int = Field(default=16, ge=1)
    """Requests under way at once; each asks for all draws of one prompt."""
    timeout_seconds: float = Field(default=300, gt=0)
    """Of one request."""
    max_retries: int = Field(default=5, ge=0)
    """Of one request, with exponential back-off; then the run stops."""
    api_key_variable: str | None = None
    """Environment variable that holds the key, where the server wants one."""

    @model_validator(mode="after")  # one of the field alone would be told with the secret
    def _holds_no_secret(self) -> Self:
        if has_secret(self.base_url):
            raise ValueError(
                "base_url holds a password or a key, which every run would put on record; name the "
                "environment variable that holds it as api_key_variable"
            )
        return self


class AdaptiveSection(Section):
    """Draws in waves, so that easy prompts leave their draws to hard ones."""

    target_accepted: int = Field(ge=1)
    """A prompt is done when so many of its completions have the reward of a right answer."""
    max_draws: int = Field(ge=1)
    """At most so many draws of a prompt; each wave asks for ``draws_per_prompt`` more."""


class GenerateSection(Section):
    """The sampling law, the engine that draws by it, and the batch plan."""

    engine: Literal["native", "transformers", "openai"]
    """``native``: the sampler of this project; ``transformers``: ``model.generate``, for
    architectures that it does not know; ``openai``: a server."""
    draws_per_prompt: int = Field(ge=1)
    """K: completions drawn per prompt."""
    temperature: float = Field(default=1.0, ge=0)
    """Divides the logits; 0 takes the likeliest token."""
    top_k: int | None = Field(default=None, ge=1)
    """Draw among the k likeliest tokens only; the proposal is renormalised over them."""
    top_p: float | None = Field(default=None, gt=0, le=1)
    """Draw among the fewest tokens that hold this probability; renormalised likewise."""
    min_p: float | None = Field(default=None, gt=0, le=1)
    """Draw among the tokens at least so likely as this share of the likeliest; likewise."""
    min_new_tokens: int = Field(default=0, ge=0)
    """No stop token is drawn before so many tokens."""
    max_new_tokens: int = Field(ge=1)
    """Cap on a completion's tokens; one that it cuts is marked ``length``."""
    stop: list[str] = Field(default=[])
    """Strings that end a completion; the text ends before them."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Precision that the policy draws in; log-probabilities are of the law in this precision."""
    part_prompts: int = Field(ge=1)
    """Prompts per part of the ledger: what a killed run repeats at most."""
    adaptive: AdaptiveSection | None = None
    """Where set, prompts are drawn for until they have enough right completions."""
    openai: OpenAISection | None = None
    """With ``engine: openai``: the server."""

    @model_validator(mode="after")
    def _can_be_drawn(self) -> Self:
        if self.temperature == 0 and self.draws_per_prompt > 1:
            raise ValueError("temperature 0 gives equal draws; set draws_per_prompt to 1")
        if self.temperature == 0 and self.adaptive:
            raise ValueError("temperature 0 gives equal draws; set adaptive to null")
        if 0 < self.temperature < LEAST_TEMPERATURE:
            raise ValueError(
                f"temperature {self.temperature} is too small to divide by; 0 takes the likeliest"
            )
        if self.min_new_tokens > self.max_new_tokens:
            raise ValueError("min_new_tokens is more than max_new_tokens")
        if "" in self.stop:
            raise ValueError("stop holds an empty string, which every completion has")
        if self.engine == "openai" and self.openai is None:
            raise ValueError("engine is 'openai', so the section generate.openai is needed")
        if self.adaptive and self.adaptive.max_draws < self.draws_per_prompt:
            raise ValueError("adaptive.max_draws is less than draws_per_prompt, a wave's draws")
        if self.adaptive and self.adaptive.max_draws < self.adaptive.target_accepted:
            raise ValueError("adaptive.target_accepted is more than max_draws")
        return self
