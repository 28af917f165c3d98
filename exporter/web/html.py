"""HTML from nested calls: whatever is not made here is escaped, so no page can forget to."""

from collections.abc import Iterable
from html import escape
from typing import Final

_WITHOUT_CONTENT: Final = frozenset({"link", "meta", "rect", "line"})


class Html(str):
    """Text that is markup already; any other text is escaped when it is put into an element."""

    __slots__ = ()


Content = str | None
Attribute = str | int | float | bool | None


def element(tag: str, /, *content: Content, **attributes: Attribute) -> Html:
    """Return an element.

    Content and attributes that are None are left out; an attribute that is True has no value. An
    attribute's name loses a trailing underscore, and others become hyphens: ``class_``, ``aria_label``.
    """
    opening = tag + "".join(_attribute(key, value) for key, value in attributes.items())
    if tag in _WITHOUT_CONTENT:
        return Html(f"<{opening}>" if tag in {"link", "meta"} else f"<{opening}/>")
    return Html(f"<{opening}>{join(content)}</{tag}>")


def join(content: Iterable[Content], separator: str = "") -> Html:
    """Return the pieces one after another, as one piece of markup."""
    return Html(escape(separator).join(_markup(piece) for piece in content if piece is not None))


def _markup(piece: str) -> str:
    return piece if isinstance(piece, Html) else escape(piece)


def _attribute(key: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = key.removesuffix("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'
