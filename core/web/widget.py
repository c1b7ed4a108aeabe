"""The widget's built files, for any site to load: the loader at a stable address, the rest named by its digest."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, abort, send_from_directory

widget = Blueprint("widget", __name__, url_prefix="/widget")

LOADER = "aftercare.js"
_BUILT = Path(__file__).parent / "static" / "widget"


@widget.get("/<name>")
def load(name: str) -> Response:
    """Give a file. A new loader is seen within five minutes; what it names never changes under its name."""
    if not name.endswith(".js"):
        abort(404)
    answer = send_from_directory(_BUILT, name, mimetype="text/javascript", etag=True, conditional=True)
    lasting = "public, max-age=300" if name == LOADER else "public, max-age=31536000, immutable"
    answer.headers["Cache-Control"] = lasting
    # Browsers load module scripts of another origin with CORS, and pages may ask for CORP on top.
    answer.headers["Access-Control-Allow-Origin"] = "*"
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer
