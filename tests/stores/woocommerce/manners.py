"""Bad manners a store shows now and then, to be asked for by name: the weather our HTTP seam must survive."""

import re
from dataclasses import dataclass
from threading import Lock

from .answers import Answer

CRITICAL = (
    '{"code":"internal_server_error","message":"<p>There has been a critical error on this website.<\\/p>",'
    '"data":{"status":500}}'
)
MAINTENANCE = "<html><title>Maintenance</title><h1>Briefly unavailable for scheduled maintenance.</h1></html>"
FIREWALL = "<!DOCTYPE html><html><title>One moment, please...</title><body>Checking your browser</body></html>"
SECURITY_PLUGIN = '{"code":"rest_forbidden","message":"Sorry, you are not allowed to do that.","data":{"status":401}}'
NOTICE = b"<br />\n<b>Notice</b>:  Undefined index: total in <b>/srv/plugin.php</b> on line <b>12</b><br />\n"

INSTEAD = ("maintenance", "html200", "429", "500", "503", "redirect", "security_plugin")  # the request is never handled
AFTERWARDS = ("slow", "truncated", "php_notice", "reset")  # it is handled, and the answer suffers
KINDS = INSTEAD + AFTERWARDS


@dataclass
class Mood:
    """One asked-for misbehavior; `left` requests whose method (any, if "") and path match still get it."""

    kind: str
    left: int
    path: re.Pattern[str]
    seconds: float
    method: str = ""


class Manners:
    """The misbehaviors that wait, used up in the order they were asked for."""

    def __init__(self) -> None:
        self._moods: list[Mood] = []
        self._lock = Lock()

    def add(self, kind: str, times: int, path: str, seconds: float, method: str = "") -> None:
        """Ask for one; `path` is a regular expression searched in the request's path."""
        if kind not in KINDS:
            raise ValueError(f"no such misbehavior: {kind}")
        with self._lock:
            self._moods.append(Mood(kind, times, re.compile(path), seconds, method))

    def take(self, method: str, path: str) -> Mood | None:
        """The misbehavior the request to `path` gets, or None."""
        with self._lock:
            for mood in self._moods:
                if mood.left > 0 and mood.method in ("", method) and mood.path.search(path):
                    mood.left -= 1
                    return mood
        return None


def answer_instead(mood: Mood, url: str) -> Answer:
    """What comes back in place of a real answer; `url` is where a redirect points."""
    page = {"Content-Type": "text/html; charset=UTF-8"}
    wait = {**page, "Retry-After": str(int(mood.seconds))}
    if mood.kind == "maintenance":
        return Answer(503, MAINTENANCE.encode(), wait)
    if mood.kind == "html200":
        return Answer(200, FIREWALL.encode(), page)
    if mood.kind == "429":
        return Answer(429, b"<html><h1>429 Too Many Requests</h1></html>", wait)
    if mood.kind == "500":
        return Answer(500, CRITICAL.encode(), {"Content-Type": "application/json; charset=UTF-8"})
    if mood.kind == "security_plugin":
        return Answer(401, SECURITY_PLUGIN.encode(), {"Content-Type": "application/json; charset=UTF-8"})
    if mood.kind == "redirect":
        return Answer(301, b"", {**page, "Location": url})
    return Answer(503, b"<html><h1>503 Service Temporarily Unavailable</h1></html>", page)
