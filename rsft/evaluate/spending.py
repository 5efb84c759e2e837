"""Looks at one evaluation set, and what each may risk.

Whoever asks often enough whether a challenger is better is told so by chance in the end. So of the
chance α of ever being told so wrongly, the k-th look spends

    α_k = α / (k (k + 1)),    Σ α_k = α

over ever so many looks, whatever their number and however they depend on each other, as the same
prompts make them do (Boole's inequality). The first look spends half: one-sided 0.025 of 0.05, the
level of a usual 95% interval. Methods that know the number of looks beforehand, or that earn α back
by each promotion and so bound a share of them, promise another thing than "ever".

It holds for challengers that were not chosen by their answers to these very prompts. Up to the
first promotion nothing is told but *no*, by which nobody can choose; who reads the figures can.
"""


def level_of_look(alpha: float, look: int) -> float:
    """What the look of a number, from 1, may risk."""
    assert look >= 1
    return alpha / (look * (look + 1))
