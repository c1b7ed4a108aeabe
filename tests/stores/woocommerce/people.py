"""Linden & Co's cast and catalog: made-up shoppers, what they buy and the lanes their parcels take."""

from random import Random
from typing import NamedTuple

from .shapes import Line


class Shopper(NamedTuple):
    """A made-up shopper; a guest has customer id 0."""

    first_name: str
    last_name: str
    email: str
    customer_id: int
    country: str
    street: str
    city: str
    state: str
    postcode: str
    phone: str

    @property
    def address(self) -> dict[str, str]:
        """The address block of an order."""
        return {
            "address_1": self.street,
            "address_2": "",
            "city": self.city,
            "state": self.state,
            "postcode": self.postcode,
            "country": self.country,
            "phone": self.phone,
        }


class Lane(NamedTuple):
    """How parcels go to a country: the shipping method shown at checkout, the carrier and days on the way."""

    method: str
    title: str
    cost: str
    provider: str
    days: tuple[float, float]


TABLE = """
Ann     | Bergstrom  | ann     | 2 | US | 12 Alder St     | Portland | OR    | 97205  | +1 503 555 0112
Marcus  | Okafor     | marcus  | 0 | US | 88 Pine Ave     | Oakland  | CA    | 94607  | +1 510 555 0147
Renée   | O’Dell     | renee   | 3 | US | 4 Bay Ct        | Austin   | TX    | 78701  | +1 512 555 0190
Luz     | Peña-Ortiz | luz     | 0 | US | 310 Mesa Rd     | Tucson   | AZ    | 85701  | +1 520 555 0133
Jürgen  | Weißhaupt  | juergen | 4 | DE | Lindenweg 7     | Jena     | DE-TH | 07743  | +49 3641 555012
Käthe   | Brömmel    | kaethe  | 0 | DE | Am Hang 31a     | Freiburg | DE-BW | 79100  | +49 761 555048
Lan     | Nguyễn Thị | lan     | 5 | VN | 25 Ngõ Hoa Sữa  | Hà Nội   |       | 100000 | +84 24 5550 1234
Khôi    | Ngô Minh   | khoi    | 0 | VN | 9 Đường Bàng    | Đà Nẵng  |       | 550000 | +84 236 555 0199
Rasa    | Žilinytė   | rasa    | 6 | LT | Liepų g. 14     | Vilnius  |       | 01103  | +370 5 555 0121
Šarūnas | Gedvilas   | sarunas | 0 | LT | Jūros g. 3-8    | Klaipėda |       | 92127  | +370 46 555018
ليلى    | الزهراوي   | layla   | 7 | SA | ١٢ شارع النخيل  | الرياض   |       | 12611  | +966 11 555 0144
سامر    | العامري    | samer   | 0 | SA | ٧ شارع البحر    | جدة      |       | 23412  | +966 12 555 0177
"""


def _read_shopper(row: str) -> Shopper:
    first, last, mailbox, customer_id, *address = (cell.strip() for cell in row.split("|"))
    return Shopper(first, last, f"{mailbox}@shopper.example", int(customer_id), *address)


SHOPPERS = tuple(_read_shopper(row) for row in TABLE.strip().splitlines())

CATALOG = (
    Line("Canvas Tote", "24.00", product_id=11, sku="TOTE-1"),
    Line("Merino Sweater", "89.00", product_id=12, sku="MER-1"),
    Line("Linen Apron", "38.50", product_id=101, sku="APR-1"),
    Line("Beeswax Candle", "16.00", product_id=102, sku="CAN-1"),
    Line("Oak Serving Board", "54.00", product_id=103, sku="OAK-1"),
    Line("Wool Throw", "129.00", product_id=104, sku="THR-1"),
)

LANES = {
    "US": Lane("flat_rate", "Ground", "7.50", "ups", (2, 5)),
    "DE": Lane("flat_rate", "International Standard", "18.00", "dhl", (6, 11)),
    "LT": Lane("flat_rate", "International Standard", "18.00", "lietuvos-pastas", (8, 14)),
    "VN": Lane("flat_rate", "International Economy", "14.00", "vnpost", (10, 20)),
    "SA": Lane("flat_rate", "International Express", "32.00", "aramex", (4, 8)),
}


def make_tracking_number(rng: Random, lane: Lane) -> str:
    """A number in the carrier's form, with a right check digit where the form has one."""
    if lane.provider == "ups":
        return make_ups_number(f"{rng.randrange(10**15):015d}")
    if lane.provider == "aramex":
        return f"{rng.randrange(10**10):010d}"
    country = {"dhl": "DE", "lietuvos-pastas": "LT", "vnpost": "VN"}[lane.provider]
    return make_s10_number("RR", f"{rng.randrange(10**8):08d}", country)


def make_ups_number(digits: str) -> str:
    """`1Z`, fifteen digits and UPS's check digit: odd places once, even places twice, up to the next ten."""
    total = sum(int(digit) * (2 if at % 2 else 1) for at, digit in enumerate(digits))
    return f"1Z{digits}{-total % 10}"


def make_s10_number(service: str, serial: str, country: str) -> str:
    """A postal item number after UPU standard S10: weights 8 6 4 2 3 5 9 7, modulo eleven."""
    total = sum(int(digit) * weight for digit, weight in zip(serial, (8, 6, 4, 2, 3, 5, 9, 7), strict=True))
    check = {10: 0, 11: 5}.get(11 - total % 11, 11 - total % 11)
    return f"{service}{serial}{check}{country}"
