"""The token of a page's forms, masked as Django masks it, from one read of the system's random bytes."""

import secrets

from django.http import HttpRequest
from django.middleware.csrf import CSRF_ALLOWED_CHARS, get_token

_PLACES = {letter: place for place, letter in enumerate(CSRF_ALLOWED_CHARS)}
_EVEN = 256 - 256 % len(CSRF_ALLOWED_CHARS)
"""Bytes from here on would make some letters likelier than others."""


def token(request: HttpRequest) -> str:
    """
    This will give a token that no other answer has, for the secret in the browser's cookie.

    Django draws each letter of the mask by itself, and lets go of the interpreter each time: in a busy process
    another thread may take it thirty-two times for one page. `django.middleware.csrf.get_token`, Django 5.2
    """
    secret = request.META.get("CSRF_COOKIE")
    if secret is None:
        return get_token(request)
    request.META["CSRF_COOKIE_NEEDS_UPDATE"] = True  # it is good for another year
    mask = _drawn(len(secret))
    letters = CSRF_ALLOWED_CHARS
    shifted = (letters[(_PLACES[letter] + place) % len(letters)] for letter, place in zip(secret, mask, strict=True))
    return "".join(letters[place] for place in mask) + "".join(shifted)


def _drawn(number: int) -> list[int]:
    """Places of letters, each as likely as any other."""
    drawn: list[int] = []
    while len(drawn) < number:
        drawn += [byte % len(CSRF_ALLOWED_CHARS) for byte in secrets.token_bytes(2 * number) if byte < _EVEN]
    return drawn[:number]
