"""The one configuration that every model of the contract shares."""

from pydantic import BaseModel, ConfigDict


class Contract(BaseModel):
    """An immutable message; an unknown key is an error, so that a typo is never silent.

    Its errors quote no value: it may be a document's, and errors end in logs and in failures.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
