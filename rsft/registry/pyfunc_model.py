"""What MLflow runs to answer with a registered policy: questions in, answers out.

MLflow copies this file into the model and executes the copy where the model is loaded; ``rsft``
comes from the model's own ``code/`` then. Nothing here imports this module.
"""

from pathlib import Path

import mlflow
import pandas as pd


class PolicyModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]  # mlflow is not typed
    """Answers each row of a ``question`` column."""

    def load_context(self, context: mlflow.pyfunc.PythonModelContext) -> None:
        """Loads the policy from the model's artifacts."""
        from rsft.policy import load_policy

        self._policy = load_policy(Path(context.artifacts["policy"]))
        self._serving = context.model_config

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
            Columns ``answer`` (null where the completion holds none) and ``completion``, on the
            index of the input.
        """
        from rsft.policy import answer

        questions = model_input["question"].tolist()
        completions = answer(self._policy, questions, self._serving["max_new_tokens"])
        answers = [self._read(q, c) for q, c in zip(questions, completions, strict=True)]
        return pd.DataFrame(
            {"answer": answers, "completion": completions}, index=model_input.index, dtype=object
        )

    def _read(self, question: str, completion: str) -> str | None:
        from rsft.prompts.slots import format_number, number_slots
        from rsft.prompts.worked import work_out

        if not self._serving["is_worked"]:
            marker = self._serving["answer_marker"]
            _, found, after = completion.rpartition(marker) if marker else ("", "", completion)
            return after.strip() if found or not marker else None
        try:
            steps = work_out(completion, number_slots(question)[1])
        except ValueError:
            return None
        return format_number(steps[-1].result)


mlflow.models.set_model(PolicyModel())
