"""A Hypothesis profile for mutation testing (`./dev mutate`): few examples, always the same, and no shrinking."""

from __future__ import annotations

from hypothesis import Phase, settings

settings.register_profile(
    "mutation",
    phases=[Phase.explicit, Phase.generate],
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=30,
)
