"""
HTML in ASCII letters alone: every other character stands in it as a reference, which browsers read as the same.

Python holds a text with one character beyond Latin-1, such as a thin space, at twice the size, and a page is copied a
dozen times until it is whole: once for each template around its rows.
"""

from django.utils.safestring import SafeString


def plain(html: str) -> SafeString:
    """This will write HTML so; neither a script nor a style sheet, where references mean nothing."""
    return SafeString(html if html.isascii() else html.encode("ascii", "xmlcharrefreplace").decode("ascii"))
