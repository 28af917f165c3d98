"""Masks what an answer holds of secrets and of people, so that it can be shown and pasted into a ticket."""

import re
from collections.abc import Iterable
from typing import Any, Final

from exporter.secret import MASK, Redactor, Secret

PERSONAL: Final = "<personal>"

_SECRET_KEY: Final = re.compile(
    r"(?:^|_)(?:key|token|secret|password|passwd|pwd|signature|cookie|session)(?:_?id)?$|^apikey$|^sid$"
)
_PERSONAL_KEY: Final = re.compile(
    r"(?:^|_)(?:e?mail|email_address|phone|phone_number|mobile|telephone|fax|street|address|zip|postcode"
    r"|birth_?(?:day|date)|iban|vat|ip|ip_address|uuid|id|sid|login|contact|owner)$"
    r"|^(?:first|last|full|middle|sur|user|display|friendly|company|account|customer|team|organi[sz]ation|org)?"
    r"_?name$|^user$"
)
_WORD_START: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_EMAIL: Final = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_PHONE: Final = re.compile(r"\+\d[\d ()/-]{7,20}\d")
# A long run of letters and digits mixed is a key or an identifier, whatever it is called.
_KEY: Final = re.compile(
    r"(?<![\w-])(?=[A-Za-z_-]{0,40}\d)(?=[\d_-]{0,40}[A-Za-z])[\w-]{24,}(?![\w-])", re.ASCII
)
_ELEMENT: Final = re.compile(r"<([A-Za-z][\w.-]{0,60})>([^<]{1,1000})</\1>")


class Masker:
    """Masks known secrets, and whatever its name or its form makes look like one or like personal data."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        self._redact = Redactor(secrets)

    def value(self, value: Any, key: str = "") -> Any:
        """Return a parsed body, or what was found under a key, with everything of that kind masked."""
        match value:
            case dict():
                return {self.text(str(name)): self.value(item, str(name)) for name, item in value.items()}
            case list():
                return [self.value(item, key) for item in value]
            case None | bool():
                return value
            case _ if mask := _mask_for(key):
                return mask
            case str():
                return self.text(value)
            case _:
                return value

    def text(self, text: str) -> str:
        """Return text with secrets, addresses, telephone numbers and what looks like a key masked."""
        text = _ELEMENT.sub(_masked_element, self._redact(text))
        text = _EMAIL.sub(PERSONAL, text)
        return _KEY.sub(MASK, _PHONE.sub(PERSONAL, text))


def _mask_for(key: str) -> str | None:
    name = _WORD_START.sub("_", key).replace("-", "_").lower()
    if _SECRET_KEY.search(name):
        return MASK
    return PERSONAL if _PERSONAL_KEY.search(name) else None


def _masked_element(match: re.Match[str]) -> str:
    mask = _mask_for(match[1])
    return match[0] if mask is None else f"<{match[1]}>{mask}</{match[1]}>"
