"""The card's section on how to ask the model."""

from collections.abc import Mapping
from typing import Any

_TEXT = """## How to ask it

In the checkout that made it:

    rsft ask --model {name}@champion "…"
    mlflow models serve -m models:/{name}@champion --env-manager local

The server takes `{{"dataframe_records": [{{"question": "…"}}]}}` at `/invocations`. Elsewhere,
`mlflow.pyfunc.load_model` answers a data frame with a column `question`: the model carries the code
that renders questions and reads answers.

{rendering} {answer}"""

_RENDERING = {
    (True, True): "Questions go through the tokenizer's chat template, numbers as `n0`, `n1` and "
    "so on.",
    (True, False): "Questions go through the tokenizer's chat template.",
    (False, True): "It reads the numbers of a question as `n0`, `n1` and so on, so asking its "
    "weights alone, without that rendering, gives nothing of use.",
    (False, False): "Questions are rendered by its own template.",
}
"""By whether it is a chat model, and whether numbers are slots."""


def use_section(manifest: Mapping[str, Any]) -> str:
    """The commands, and how questions are rendered and answers read."""
    params = manifest["params"]
    rendering, cap = params["base"]["rendering"], params["evaluate"]["max_new_tokens"]
    is_worked = "worked_solution" in params["score"]["rewards"]
    read = "the result of the last of its worked steps" if is_worked else "read in its completion"
    return _TEXT.format(
        name=params["register"]["name"],
        rendering=_RENDERING[rendering["chat"], rendering["number_slots"]],
        answer=f"An answer is {read}, of at most {cap} tokens.",
    )
