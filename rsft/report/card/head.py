"""The card's head: what machines read of it."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

_FIGURES = {"accuracy": "right answers", "pass_at_1": "pass@1", "pass_at_k": "pass@{k}"}
"""Name by key of each figure that is told, as a share of 1."""


def front_matter(manifest: Mapping[str, Any]) -> str:
    """YAML between two rules, as the Hugging Face Hub reads it.

    No licence stands there: that of the data is told, that of the model is for its owner to say.
    """
    from huggingface_hub import ModelCardData

    base = manifest["base"]
    head = ModelCardData(
        model_name=manifest["params"]["register"]["name"],
        library_name="transformers",
        tags=["rsft", "rejection-sampling"],
        base_model=base["name"] if base["source"] == "hub" else None,
        eval_results=list(_results(manifest)),
        rsft={
            "run": f"run/{manifest['run_id']}",
            "model_md5": manifest["model"]["hash"],
            "training_licences": sorted({found["licence"] for found in manifest["sources"]}),
        },
    )
    return f"---\n{head.to_yaml()}\n---\n"


def _results(manifest: Mapping[str, Any]) -> Iterator["EvalResult"]:
    from huggingface_hub import EvalResult

    splits = manifest["params"]["evaluate"]["sets"]
    prompts = manifest["stages"]["prompts"]["outs"]["data/prompts"]["hash"]
    for name, figures in manifest["figures"]["rounds"][-1]["sets"].items():
        for key, shown in _FIGURES.items():
            if figures[key] is not None:
                yield EvalResult(
                    task_type="question-answering",
                    dataset_type=splits[name],
                    dataset_name=name,
                    dataset_split=splits[name],
                    dataset_revision=prompts,
                    metric_type=key,
                    metric_name=shown.format(k=figures["k"]),
                    metric_value=figures[key],
                )
