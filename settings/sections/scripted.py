"""`[scripted]`: the engine with made-up results."""

from __future__ import annotations

from pydantic import Field

from settings.sections.section import Section


class ScriptedSettings(Section):
    """Settings of the scripted engine."""

    seconds_per_token: float = Field(default=0.002, ge=0, description="For each output token.")
