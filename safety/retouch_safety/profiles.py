"""The policy profiles by name: how strict prompt filter and detectors are. None moves the floor."""

from __future__ import annotations

from typing import Literal, get_args

Profile = Literal["strict", "standard", "medical-art"]
PROFILES: tuple[Profile, ...] = get_args(Profile)
