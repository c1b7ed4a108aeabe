"""One child of the demo: python -m core.demo web | work."""

from __future__ import annotations

import os
import sys

from core.demo.pages import make_app, platforms
from core.demo.run import config_of_child
from core.ops import commands
from core.ops.signals import stop_on_signal

if sys.argv[1:] == ["web"]:
    sys.exit(commands.serve(config_of_child(), f"127.0.0.1:{os.environ['PORT']}", 1, platforms(), make_app=make_app))
sys.exit(commands.work(config_of_child(), stop_on_signal(), platforms()))
