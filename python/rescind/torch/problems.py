"""What keeps a module from being computed with."""

from __future__ import annotations

from dataclasses import dataclass, field

from rescind import errors


@dataclass(frozen=True)
class Problem:
    """Why a module cannot be computed with.

    Attributes
    ----------
    layer : str
        Its name in the module; empty for the module as a whole.
    reason : str
        What is wrong.
    remedy : str
        What to do.
    cause : Exception, optional
        What was raised, if something was.
    """

    layer: str
    reason: str
    remedy: str
    cause: Exception | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.layer or 'the module'}: {self.reason}; {self.remedy}"


@dataclass(frozen=True)
class Report:
    """Everything that was found.

    Attributes
    ----------
    problems : list of Problem
        Empty where the module will do.
    """

    problems: list[Problem]

    @property
    def ok(self) -> bool:
        """Whether the module will do."""
        return not self.problems

    def raise_if_any(self) -> None:
        """Raise :class:`rescind.errors.ModelDoesNotFit` with all problems, if there are any."""
        if self.problems:
            told = "\n".join(f"- {problem}" for problem in self.problems)
            cause = next((problem.cause for problem in self.problems if problem.cause), None)
            message = f"the module cannot be computed with:\n{told}"
            raise errors.of("model_does_not_fit", message) from cause

    def __str__(self) -> str:
        if self.ok:
            return "The module will do."
        return "\n".join(str(problem) for problem in self.problems)
