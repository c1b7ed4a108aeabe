from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "mutate_amounts.py"


def test_every_small_break_of_the_refund_arithmetic_turns_its_tests_red() -> None:
    ran = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "SURVIVED" not in ran.stdout
    assert ran.stdout.count("noticed  ") >= 10
