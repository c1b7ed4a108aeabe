"""What the laws share: a voice that is heard though pytest keeps what tests print."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import ANNOUNCED


@pytest.fixture
def announce(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Say a line of figures: at once where tests run in this process, and in the summary in any case."""
    # Not capsys: the log keeps the stream it first meets, and that one is closed when the test ends.
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def say(line: str) -> None:
        request.node.user_properties.append((ANNOUNCED, line))
        with capture.global_and_fixture_disabled():
            print(f"\n{line}")

    return say
