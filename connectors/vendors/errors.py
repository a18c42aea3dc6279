"""
What can go wrong with a vendor, as one tree.

    VendorError
    ├── Unreachable        no answer: name, connection, TLS, time-out before anything was sent
    │   └── LostReply      sent, but no whole answer came back: the vendor may have acted
    ├── NotReady           the vendor is starting or rebalancing; trying again will help
    ├── RateLimited        too many calls; `retry_after` says for how long to stay away
    ├── ServerFault        a 5xx: the vendor may have acted
    ├── Refused            the vendor said no, in its own words
    │   ├── SignInRefused  the credentials are wrong or expired
    │   ├── NotAllowed     the credentials are good but lack a role
    │   └── NotFound       the target does not exist there, or is hidden from these credentials
    ├── NotUnderstood      an answer that is not what the vendor's interface promises (HTML, half a body)
    └── AddressForbidden   the address is one we never call: metadata, link-local, a redirect elsewhere
"""

from dataclasses import dataclass


@dataclass(eq=False)
class VendorError(Exception):
    """
    A call to a vendor went wrong.

    :param message: one sentence for a person; holds no secret
    :param vendor: slug of the vendor
    :param request: method and path, without query values
    :param status: HTTP status, None when there was no answer
    :param request_id: the vendor's own id of the request, where it gave one
    """

    message: str
    vendor: str = ""
    request: str = ""
    status: int | None = None
    request_id: str = ""

    may_retry = False
    """Can the same call help later?"""
    may_have_acted = False
    """Could the vendor have carried out what was asked all the same?"""
    kind = "error"
    """A stable word for the interface and for diagnosis."""

    def __str__(self) -> str:
        return self.message


class Unreachable(VendorError):
    """No answer, and nothing can have happened."""

    may_retry = True
    kind = "unreachable"


class LostReply(Unreachable):
    """The request went out and no whole answer came back."""

    may_have_acted = True
    kind = "lost_reply"


class NotReady(VendorError):
    """The vendor is booting or busy with itself; nothing was done."""

    may_retry = True
    kind = "not_ready"


@dataclass(eq=False)
class RateLimited(VendorError):
    """Too many calls; nothing was done."""

    retry_after: float = 1.0
    """Seconds to stay away."""
    was_sent: bool = True
    """False: an earlier answer said so already, and this call was kept back."""

    may_retry = True
    kind = "rate_limited"


class ServerFault(VendorError):
    """A 5xx. Observation decides whether it was done."""

    may_retry = True
    may_have_acted = True
    kind = "server_fault"


class Refused(VendorError):
    """The vendor said no."""

    kind = "refused"


class SignInRefused(Refused):
    """The credentials are wrong, expired or revoked."""

    kind = "sign_in_refused"


class NotAllowed(Refused):
    """The credentials lack a role for this call."""

    kind = "not_allowed"


class NotFound(Refused):
    """No such target, or none that these credentials may see."""

    kind = "not_found"


class NotUnderstood(VendorError):
    """Something answered, but not in the vendor's language: a proxy, a console page, half a body."""

    may_retry = True
    kind = "not_understood"


class AddressForbidden(VendorError):
    """The address rules forbid this call; it was not sent."""

    kind = "address_forbidden"
