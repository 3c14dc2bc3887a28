"""The one configuration that every model of the contract shares."""

from pydantic import BaseModel, ConfigDict


class Contract(BaseModel):
    """An immutable message; an unknown key is an error, so that a typo is never silent."""

    model_config = ConfigDict(extra="forbid", frozen=True)
