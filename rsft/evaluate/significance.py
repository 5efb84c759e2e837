"""McNemar's test of two policies on the same prompts, exact.

Prompts on which both are right, or both wrong, say nothing. Where neither policy is better, each of
the n others is as likely to be won as lost, so that the number won is binomial with p = ½. Prompts
are taken to be independent; the interval that is resampled by family is wider where they are not.

Source: McNemar, Note on the sampling error of the difference between correlated proportions or
percentages (1947). Exact, in whole numbers: neither its approximation nor a correction.
"""


def mcnemar(better: int, worse: int) -> float:
    """Two-sided p-value of so many prompts won and so many lost.

    Args:
        better: b, prompts that the one has right and the other wrong.
        worse: c, the reverse.

    Returns:
        min(1, 2·P(X ≤ min(b, c))) with X binomial of b + c and ½; 1 where there are none.
    """
    count = better + worse
    ways, total = 1, 0
    for number in range(min(better, worse) + 1):
        total += ways
        ways = ways * (count - number) // (number + 1)
    return min(1.0, 2 * total / (1 << count))
