"""What can be refused or go wrong.

Every error is a :class:`RescindError` with a stable ``code``: programs go by it, people by the
message. Each code has a class of its own, named after it (``key_reused`` is
:class:`KeyReused`); the table of them is in ``docs/errors.md``.
"""

from rescind import _core


class RescindError(Exception):
    """Something was refused, or went wrong.

    Attributes
    ----------
    code : str
        The stable code, such as ``"unknown_subject"``.
    """

    code = ""


class UsageError(RescindError, ValueError):
    """What was asked makes no sense as it stands: a value out of range, a name nobody knows."""


class Refused(RescindError):
    """The guarantee asked for cannot be given, or would be broken."""


class NothingToDo(RescindError):
    """Nothing had to be done: the answer, rather than a failure."""


_KINDS = {
    "usage": UsageError,
    "refused": Refused,
    "nothing": NothingToDo,
    "failed": RescindError,
}


def _class_name(code: str) -> str:
    return "".join(word.capitalize() for word in code.split("_"))


def _classes() -> dict[str, type[RescindError]]:
    made = {}
    for code, kind, meaning in _core.codes():
        name = _class_name(code)
        members = {"code": code, "__doc__": meaning, "__module__": __name__}
        made[code] = type(name, (_KINDS[kind],), members)
    return made


#: The class of every code.
BY_CODE = _classes()

globals().update({cls.__name__: cls for cls in BY_CODE.values()})


def of(code: str, message: str) -> RescindError:
    """Make the error of a code.

    Parameters
    ----------
    code : str
        A stable code.
    message : str
        What to tell people.
    """
    return BY_CODE.get(code, RescindError)(message)
