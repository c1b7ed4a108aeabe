"""What the laws share: a voice that is heard though pytest keeps what tests print."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.fixture
def announce(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Print a line of figures at once."""
    # Not capsys: the log keeps the stream it first meets, and that one is closed when the test ends.
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")

    def say(line: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"\n{line}")

    return say
