"""python -m core.i18n extract | check | widget: the upkeep of the catalogs."""

import sys

from core.i18n import catalogs

if __name__ == "__main__":
    sys.exit(catalogs.main(sys.argv[1:]))
