"""Orders numbered by year or date are found by their serial; their keys are reduced anew."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

BATCH = 1000
orders = sa.table("orders", sa.column("store_id"), sa.column("id"), sa.column("number"), sa.column("number_key"))


def upgrade() -> None:
    # The words of the code are not asked: a migration says what it did on the day it was written, and most numbers
    # keep their key. What this misses gets its key with the order's next change.
    renew(serial_of)


def downgrade() -> None:
    renew(longest_run)


def renew(key_of) -> None:
    """Give every order whose number is ASCII and holds digits the key that `key_of` makes of it."""
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        op.execute("select set_config('app.system', 'on', true)")
    store_id, after = -1, -1
    while True:
        behind = sa.tuple_(orders.c.store_id, orders.c.id) > sa.tuple_(sa.literal(store_id), sa.literal(after))
        wanted = sa.select(orders).where(behind).order_by(orders.c.store_id, orders.c.id).limit(BATCH)
        rows = connection.execute(wanted).all()
        if not rows:
            return
        store_id, after = rows[-1].store_id, rows[-1].id
        for row in rows:
            has_digits = row.number.isascii() and re.search("[0-9]", row.number[:100])
            key = key_of(row.number) if has_digits else row.number_key
            if key != row.number_key:
                mine = sa.and_(orders.c.store_id == row.store_id, orders.c.id == row.id)
                connection.execute(sa.update(orders).where(mine).values(number_key=key))


def serial_of(number: str) -> str:
    """Leave dates and years out where other digits remain."""
    thousands = r"(?<![0-9])[0-9]{1,3}(?:[ ,.'][0-9]{3})+(?![0-9])"
    plain = re.sub(thousands, lambda digits: re.sub("[^0-9]", "", digits[0]), number[:100])
    year, month, day = "(?:19|20)[0-9]{2}", "(?:0?[1-9]|1[0-2])", "(?:0?[1-9]|[12][0-9]|3[01])"
    whole = rf"{year}([-./ ]){month}\1{day}|{day}([-./ ]){month}\2{year}|{year}[-./ ](?:0[1-9]|1[0-2])"
    dated = rf"(?<![0-9])(?:{whole})(?![0-9])"
    packed = rf"(?<![0-9]){year}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?=[0-9]*(?![0-9]))"
    for mark in (f"{dated}|{packed}", rf"(?<![0-9]){year}(?![0-9])"):
        without = re.sub(mark, " ", plain)
        plain = without if re.search("[0-9]", without) else plain
    return longest_run(plain)


def longest_run(number: str) -> str:
    """Give the longest run of digits, the last of equally long ones, without zeros in front."""
    runs = re.findall("[0-9]+", number[:100])
    return max(reversed(runs), key=len).lstrip("0") or "0"
