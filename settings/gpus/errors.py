"""Errors of a pool's GPU settings; each names the combination and the remedy."""

from __future__ import annotations


class GpuSettingError(ValueError):
    """A GPU kind is not known, or cannot run an engine setting."""
