"""What goes wrong in a command, in words for who typed it: never a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.core.management.base import CommandError
from django.db import DatabaseError


def told(error: ValidationError) -> str:
    """What a row's check says, each fault with the field that it is of."""
    if not hasattr(error, "error_dict"):
        return "; ".join(error.messages)
    return "; ".join(
        text if field == NON_FIELD_ERRORS else f"{field}: {text}"
        for field, texts in error.message_dict.items()
        for text in texts
    )


@contextmanager
def database() -> Iterator[None]:
    """A database that is away, or has no tables yet, is told."""
    try:
        yield
    except DatabaseError as error:
        raise CommandError(
            f"The database cannot be used ({type(error).__name__}): is it there, and was `manage.py migrate` run?"
        ) from error
