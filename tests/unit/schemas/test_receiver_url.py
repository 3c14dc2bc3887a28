"""The URL of a receiver: what is taken, and what is shown of it later."""

from __future__ import annotations

import pytest
from pydantic import HttpUrl, ValidationError

from schemas.job import Callback, KeptCallback
from schemas.receiver_url import masked
from schemas.webhooks.endpoint import EndpointChange, EndpointRequest
from settings.sections.rules import RuleSettings

WITH_USER = ("https://eve:word@claims.example/", "https://eve@claims.example/", "http://:w@a/")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://claims.example/in", "https://claims.example/in"),
        ("https://claims.example:8443/in?token=abc", "https://claims.example:8443/in?token=***"),
        ("https://claims.example/?a=1&b=2&a=3", "https://claims.example/?a=***&b=***&a=***"),
        ("https://claims.example/?abcdef", "https://claims.example/?***"),
        ("https://claims.example/?a==b&&c", "https://claims.example/?a=***&***"),
        ("https://claims.example/in#abc", "https://claims.example/in"),
        ("https://eve:word@claims.example/in", "https://***@claims.example/in"),
        ("https://eve@[2001:db8::1]:8443/", "https://***@[2001:db8::1]:8443/"),
    ],
)
def test_what_may_be_a_secret_in_a_url_is_not_shown(url: str, shown: str) -> None:
    """Masked again, it is the same."""
    assert str(masked(HttpUrl(url))) == shown
    assert masked(HttpUrl(shown)) == HttpUrl(shown)


@pytest.mark.parametrize("url", WITH_USER)
def test_a_user_in_a_receivers_url_is_refused_wherever_one_is_named(url: str) -> None:
    """An accepted URL would be in the ledger; older ones there can still be read."""
    for taken in (
        lambda: Callback.model_validate({"url": url}),
        lambda: EndpointRequest.model_validate({"url": url}),
        lambda: EndpointChange.model_validate({"url": url}),
        lambda: RuleSettings.model_validate({"tasks": ["fnol"], "callback": url}),
    ):
        with pytest.raises(ValidationError, match="name no user and no password"):
            taken()
    assert KeptCallback.model_validate({"url": url}).url.host


def test_no_caller_can_say_that_a_callback_is_the_fleets() -> None:
    """The callback would be signed with the fleet's secret."""
    with pytest.raises(ValidationError, match="of_fleet"):
        Callback.model_validate({"url": "https://claims.example/", "of_fleet": True})
