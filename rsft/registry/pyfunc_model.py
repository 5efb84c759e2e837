"""What MLflow runs to answer with a registered policy: questions in, answers out.

MLflow copies this file into the model and executes the copy where the model is loaded; ``rsft``
comes from the model's own ``code/`` then. Nothing here imports this module.
"""

from pathlib import Path

import mlflow
import pandas as pd
from mlflow.exceptions import MlflowException


class PolicyModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]  # mlflow is not typed
    """Answers each row of a ``question`` column."""

    def load_context(self, context: mlflow.pyfunc.PythonModelContext) -> None:
        """Loads the policy from the model's artifacts."""
        from rsft.policy import load_policy

        policy = Path(context.artifacts["policy"])
        self._policy = load_policy(policy)
        self._serving = context.model_config
        self._model = _registered_as(policy.parents[1])

    def predict(
        self,
        context: mlflow.pyfunc.PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, object] | None = None,
    ) -> pd.DataFrame:
        """Answers questions.

        Args:
            context: What MLflow knows of the model; unused.
            model_input: A column ``question``.
            params: Of inference; there are none.

        Returns:
            Columns ``answer`` (null where the completion holds none), ``completion`` and ``model``
            (the version that answers, such as ``rsft/3``; null where none was asked for), on the
            index of the input.

        Raises:
            MlflowException: Where a question cannot be read: a server answers 400 then, with why.
        """
        from rsft.errors import PromptsError
        from rsft.policy import answer

        questions = model_input["question"].tolist()
        try:
            completions = answer(self._policy, questions, self._serving["max_new_tokens"])
        except PromptsError as error:
            raise MlflowException.invalid_parameter_value(str(error)) from None
        answers = [self._read(q, c) for q, c in zip(questions, completions, strict=True)]
        columns = {"answer": answers, "completion": completions, "model": self._model}
        return pd.DataFrame(columns, index=model_input.index, dtype=object)

    def _read(self, question: str, completion: str) -> str | None:
        from rsft.prompts.reading import read_answer

        serving = self._serving
        return read_answer(
            question,
            completion,
            is_worked=serving["is_worked"],
            answer_marker=serving["answer_marker"],
        ).answer


def _registered_as(model: Path) -> str | None:
    """``NAME/VERSION`` that MLflow loads a model folder as; null where it was not by a version.

    A model is written before it has a version, and may get several: which one was asked for is in a
    file that MLflow leaves in the folder when it resolves ``models:/…``.
    """
    from ruamel.yaml import YAML

    told = model / "registered_model_meta"
    if not told.exists():
        return None
    meta = YAML(typ="safe").load(told)
    return f"{meta['model_name']}/{meta['model_version']}" if meta["model_version"] else None


mlflow.models.set_model(PolicyModel())
