"""Print what `setup.cfg` needs at run time, one a line: python list_needs.py SETUP_CFG [EXTRA …]

`make lock` writes `requirements/image.txt` from these: what the image installs.
"""

from __future__ import annotations

import configparser
import sys

ONLY_FOR_TESTS = ("pytest",)


def list_needs(setup_cfg: str, extras: list[str]) -> list[str]:
    """Give the requirements of the package and of the named extras. Raises KeyError for an extra there is none of."""
    declared = configparser.ConfigParser()
    with open(setup_cfg, encoding="utf-8") as file:
        declared.read_file(file)
    texts = [declared["options"]["install_requires"], *(declared["options.extras_require"][name] for name in extras)]
    lines = [line.strip() for text in texts for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith(("#", *ONLY_FOR_TESTS))]


if __name__ == "__main__":
    print("\n".join(list_needs(sys.argv[1], sys.argv[2:])))
