"""Break the refund arithmetic in small ways, one at a time, and see that its tests notice.

Run it as `python tests/mutate_amounts.py`. It works on a copy in a temporary folder and exits with 1 if a break goes
unnoticed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = [
    "core/money.py",
    *(f"core/returns/money/{name}.py" for name in ("refund_amount", "purchased", "quotes", "allocation")),
]
TESTS = ["tests/core/returns/test_amounts.py", "tests/core/returns/test_amounts_laws.py"]

# What is broken: (what it is, file, code as it is, code as it must not be)
BREAKS = [
    ("sign of what is used up", "allocation", "amount - spent.get(key, 0)", "amount + spent.get(key, 0)"),
    ("sign of the limit", "refund_amount", "rest = total - value +", "rest = value - total +"),
    ("rounding of a percentage", "refund_amount", "goods * fee.percent // 100", "-(-goods * fee.percent // 100)"),
    ("rounding of a unit", "allocation", "min(odd, first + count) - min(odd, first)", "odd * count // units"),
    ("the odd unit of the order", "allocation", "came_to = max(0, total)", "came_to = max(came_to, total)"),
    ("parts of a unit rounded one by one", "allocation", "now - given", "_dealt(amount, units, first, count)"),
    ("order of payments", "refund_amount", "key=lambda payment: not payment", "key=lambda payment: payment"),
    ("order of taxes", "allocation", "for ref in sorted(taxes)", "for ref in taxes"),
    ("what remains of the order", "refund_amount", "min(value - kept, bought.left)", "value - kept"),
    ("what remains of a payment", "refund_amount", "payment.captured - payment.refunded", "payment.captured"),
    ("what remains of a line", "allocation", "line.refunded_quantity, line.units_left)", "0, line.units_left)"),
    ("tax included", "allocation", "if tax_included else total", "if not tax_included else total"),
    ("fees above the amount", "refund_amount", "min(fee.amount + goods * fee.percent // 100, value)", "fee.amount"),
    ("fees on a withdrawal", "refund_amount", "if wanted.withdrawal or wanted.keep_item", "if wanted.keep_item"),
]


def copy_to(folder: Path) -> None:
    """Lay out just the arithmetic and its tests, so that nothing else is imported or found."""
    for name in (*SOURCES, *TESTS):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
    for package in ("core", "core/returns", "core/returns/money"):
        (folder / package / "__init__.py").touch()


def tests_pass(folder: Path) -> bool:
    """Run the tests of the copy. Raises RuntimeError where they could not run at all."""
    # No bytecode: a break may have the length and the second of the one before it.
    environment = os.environ | {
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    options = ["-x", "-q", "--import-mode=importlib", "-p", "no:cacheprovider", "--rootdir", "."]
    command = [sys.executable, "-m", "pytest", *options, *TESTS]
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if ran.returncode not in (0, 1):
        raise RuntimeError(f"the tests could not run:\n{ran.stdout}{ran.stderr}")
    return ran.returncode == 0


def survives(folder: Path, name: str, right: str, wrong: str) -> bool:
    """Break one place, run the tests, mend it. Raises RuntimeError where the place is gone."""
    path = folder / "core/returns/money" / f"{name}.py"
    code = path.read_text(encoding="utf-8")
    if code.count(right) != 1:
        raise RuntimeError(f"{name}.py has {right!r} {code.count(right)} times, not once: mend this script")
    path.write_text(code.replace(right, wrong), encoding="utf-8")
    try:
        return tests_pass(folder)
    finally:
        path.write_text(code, encoding="utf-8")


def main() -> int:
    """Print a line for each break; give 0 if all were noticed."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        copy_to(folder)
        if not tests_pass(folder):
            print("The tests fail before anything is broken.")
            return 1
        unnoticed = 0
        for what, *place in BREAKS:
            survived = survives(folder, *place)
            unnoticed += survived
            print(f"{'SURVIVED' if survived else 'noticed '}  {what}", flush=True)
    print(f"{len(BREAKS) - unnoticed} of {len(BREAKS)} breaks noticed")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
