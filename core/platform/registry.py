"""Finds the platforms by walking the package it is given; no platform is named anywhere in the core."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from types import ModuleType

from core.platform.contract import Platform


class UnknownPlatform(Exception):
    """No installed plugin has this name."""


class Registry:
    """The platforms this process serves, by name."""

    def __init__(self, platforms: Mapping[str, type[Platform]]) -> None:
        self._platforms = dict(platforms)

    def __getitem__(self, name: str) -> type[Platform]:
        try:
            return self._platforms[name]
        except KeyError:
            raise UnknownPlatform(name) from None

    def __iter__(self) -> Iterator[type[Platform]]:
        return iter(self._platforms.values())

    def __contains__(self, name: object) -> bool:
        return name in self._platforms


def discover(package: ModuleType) -> dict[str, type[Platform]]:
    """Collect PLATFORM of every folder in the package; a folder's name must be its platform's."""
    found: dict[str, type[Platform]] = {}
    for module in pkgutil.iter_modules(package.__path__):
        platform = getattr(importlib.import_module(f"{package.__name__}.{module.name}"), "PLATFORM", None)
        if platform is None:
            continue
        if platform.name != module.name:
            raise ValueError(f"plugins/{module.name} calls itself {platform.name!r}")
        found[platform.name] = platform
    return found
