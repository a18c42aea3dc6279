"""Errors as `application/problem+json` (RFC 9457), each with a stable type."""

from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from connectors.services import accounts, audit, batches, operations

STATUS = {
    operations.NotAllowed: HTTPStatus.FORBIDDEN,
    operations.NotSupported: HTTPStatus.BAD_REQUEST,
    operations.NotNow: HTTPStatus.CONFLICT,
    operations.InProgress: HTTPStatus.CONFLICT,
    operations.Frozen: HTTPStatus.CONFLICT,
    operations.ApprovalNeeded: HTTPStatus.CONFLICT,
    operations.KeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
    batches.NothingToDo: HTTPStatus.CONFLICT,
    batches.Changed: HTTPStatus.CONFLICT,
}


def problem(status: int, code: str, detail: str, **more: Any) -> Response:
    """This will build an answer that says what went wrong and what to do."""
    body = {
        "type": f"urn:switchyard:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
        **more,
    }
    return Response(body, status=status, content_type="application/problem+json")


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """This will turn an exception into a problem; None leaves it to be a 500."""
    if isinstance(error, operations.NotPossible):
        set_rollback()
        return problem(STATUS[type(error)], error.code, str(error))
    if isinstance(error, audit.Unwritable):
        set_rollback()
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, "record_unwritable", str(error))
    if isinstance(error, accounts.Invalid):
        return problem(HTTPStatus.BAD_REQUEST, "invalid", "Some fields are not right.", errors=error.errors)
    if isinstance(error, accounts.InUse):
        return problem(HTTPStatus.CONFLICT, "in_use", str(error))
    if isinstance(error, Http404):
        error = exceptions.NotFound("There is nothing here, or nothing that you may see.")
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied(str(error) or None)
    if not isinstance(error, exceptions.APIException):
        return None
    set_rollback()
    return _of_framework(error)


def _of_framework(error: exceptions.APIException) -> Response:
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = f"{wait:.0f}"
    if isinstance(error, exceptions.ValidationError):
        answer = problem(error.status_code, "invalid", "Some fields are not right.", errors=error.detail)
    else:
        answer = problem(error.status_code, str(error.default_code), str(error.detail))
    for name, value in headers.items():
        answer[name] = value
    return answer
