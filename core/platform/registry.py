"""Finds platforms and review sources by walking the package it is given; none is named anywhere in the core."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from core.platform.contract import Platform
from core.platform.reviews.review_source import ReviewSource


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
    return _collect(package, "PLATFORM")


def discover_review_sources(package: ModuleType) -> dict[str, type[ReviewSource]]:
    """Collect REVIEW_SOURCE of every folder in the package; a folder's name must be its source's."""
    return _collect(package, "REVIEW_SOURCE")


def _collect(package: ModuleType, constant: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for module in pkgutil.iter_modules(package.__path__):
        plugin = getattr(importlib.import_module(f"{package.__name__}.{module.name}"), constant, None)
        if plugin is None:
            continue
        if plugin.name != module.name:
            raise ValueError(f"plugins/{module.name} calls itself {plugin.name!r}")
        found[plugin.name] = plugin
    return found
