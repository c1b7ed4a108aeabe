"""The demo's mailbox: a message is listed once it is whole."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from types import SimpleNamespace

from core.demo import mailbox

MAIL = b"From: a@example.org\r\nTo: b@example.org\r\nSubject: Parcel\r\n\r\nOn its way.\r\n"


def test_a_mailbox_can_be_read_while_mail_arrives(tmp_path: Path) -> None:
    keeper = mailbox.MessageKeeper(tmp_path)
    ended = threading.Event()

    def receive() -> None:
        for _ in range(400):
            asyncio.run(keeper.handle_DATA(None, None, SimpleNamespace(original_content=MAIL)))
        ended.set()

    arriving = threading.Thread(target=receive)
    arriving.start()
    while not ended.is_set():
        assert {mail.subject for mail in mailbox.read_all(tmp_path)} <= {"Parcel"}
    arriving.join()
    assert len(mailbox.read_all(tmp_path)) == 400
