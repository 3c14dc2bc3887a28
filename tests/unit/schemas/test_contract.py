"""Messages of the contract."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from schemas.document import PageText


def test_an_error_quotes_no_value() -> None:
    """Errors end in logs, and a value may be a document's text."""
    with pytest.raises(ValidationError) as caught:
        PageText.model_validate({"pages": ["PATIENT Jane Doe"]})
    assert "pages" in str(caught.value)
    assert "Jane" not in str(caught.value)
