"""How the checks that run for long tell what they found: a line each, the first fault ends them."""

from __future__ import annotations


class WrongError(Exception):
    """Something is not as it should be; the message says what."""


def expect(what: str, is_so: bool, *, tell: bool = True) -> None:
    """Say that something is so, or end with saying that it is not."""
    if not is_so:
        raise WrongError(f"not so: {what}")
    if tell:
        say(what)


def say(what: str) -> None:
    """A line for what is well."""
    print(f"ok    {what}", flush=True)
