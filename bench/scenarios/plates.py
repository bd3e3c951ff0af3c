"""The simulated licence-plate case: 62 factories, 153 idle machines, 4.7 million plates.

Pure functions of a seed. Numbers of machines and rates per process are fixed; prices,
reliabilities, places and which factory owns what are drawn. The demo, the simulator and
`bench plates` all build on these facts. Names are invented.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from scheduling.core import Capability, Machine, Order, Problem, Step, Transport, Window
from scheduling.core.haul import haul_minutes

QUANTITY = 4_700_000
FACTORIES = 62
MOST_MACHINES_PER_FACTORY = 4
DAY_MINUTES = 1440
SHIFT_START = "06:00"
SHIFT_END = "02:00"
SHIFT_MINUTES = 20 * 60
HORIZON_DAYS = 28
DEADLINE_DAYS = 14
CITY_WIDTH_KM = 48
CITY_HEIGHT_KM = 32
MIN_LOT = 500
MAX_LOT = 10_000
BUYER = "buyer"
BUYER_PLACE = (25, 17)


@dataclass(frozen=True, kw_only=True)
class ProcessFacts:
    """One step of the route, with the figures that all its machines share."""

    code: str
    name_en: str
    name_zh: str
    machines: int
    plant_machines: int
    rate_per_hour: int
    set_up_minutes: int
    price_per_hour_minor: int


ROUTE = (
    ProcessFacts(
        code="blanking",
        name_en="Blanking",
        name_zh="落料",
        machines=30,
        plant_machines=4,
        rate_per_hour=750,
        set_up_minutes=30,
        price_per_hour_minor=9_000,
    ),
    ProcessFacts(
        code="film",
        name_en="Film lamination",
        name_zh="贴膜",
        machines=38,
        plant_machines=5,
        rate_per_hour=560,
        set_up_minutes=20,
        price_per_hour_minor=11_000,
    ),
    ProcessFacts(
        code="emboss",
        name_en="Embossing",
        name_zh="压字",
        machines=55,
        plant_machines=7,
        rate_per_hour=390,
        set_up_minutes=25,
        price_per_hour_minor=10_000,
    ),
    ProcessFacts(
        code="hot_stamp_pack",
        name_en="Hot stamping and packing",
        name_zh="烫印包装",
        machines=30,
        plant_machines=4,
        rate_per_hour=720,
        set_up_minutes=30,
        price_per_hour_minor=12_000,
    ),
)

_NAMES = (
    ("Hengchuan", "恒川"),
    ("Yuanxiu", "远岫"),
    ("Qiaoxi", "桥西"),
    ("Lingyun", "凌筠"),
    ("Shuofeng", "朔丰"),
    ("Mingzhe", "明柘"),
    ("Baiyu", "柏渝"),
    ("Tianlu", "天麓"),
    ("Jinheng", "锦衡"),
    ("Wenlan", "文岚"),
    ("Dongpu", "东浦"),
    ("Ruichi", "瑞驰"),
    ("Canglang", "沧朗"),
    ("Yichen", "亦晨"),
    ("Guangmu", "广沐"),
    ("Zhenhe", "臻禾"),
    ("Songting", "松庭"),
    ("Luoan", "洛安"),
    ("Feihong", "斐泓"),
    ("Xinyao", "昕耀"),
    ("Kaize", "恺泽"),
    ("Nanzhu", "南竹"),
    ("Anqiao", "安桥"),
    ("Chengye", "澄野"),
    ("Haoyuan", "浩垣"),
    ("Junling", "钧岭"),
    ("Liuhe", "柳荷"),
    ("Pingchuan", "平川"),
    ("Qinghuai", "清槐"),
    ("Shengtai", "晟泰"),
    ("Weishan", "维山"),
)
_TRADES = (("Metalworks", "五金制品厂"), ("Precision Stamping", "精密冲压厂"))


@dataclass(frozen=True, kw_only=True)
class MachineFacts:
    """One idle machine as its owner lists it; `price_per_hour_minor` in fen."""

    code: str
    process: ProcessFacts
    price_per_hour_minor: int
    rate_low_permille: int
    reliability_permille: int


@dataclass(frozen=True, kw_only=True)
class FactoryFacts:
    """One small factory with its place on a schematic city map."""

    code: str
    name_en: str
    name_zh: str
    x_km: int
    y_km: int
    machines: tuple[MachineFacts, ...]


@dataclass(frozen=True, kw_only=True)
class PlatesFacts:
    """Everything the case consists of, before anyone plans it."""

    seed: int
    quantity: int
    factories: tuple[FactoryFacts, ...]
    currency: str = "CNY"


def plates_facts(seed: int = 1, *, quantity: int = QUANTITY) -> PlatesFacts:
    """Draw the factories and machines of the case for `seed`."""
    random = Random(seed)
    owned = _owned_processes(random)
    names = [
        (f"{name_en} {trade_en}", f"{name_zh}{trade_zh}")
        for trade_en, trade_zh in _TRADES
        for name_en, name_zh in _NAMES
    ]
    random.shuffle(names)
    factories = tuple(
        FactoryFacts(
            code=f"F{number:02d}",
            name_en=name_en,
            name_zh=name_zh,
            x_km=random.randint(1, CITY_WIDTH_KM),
            y_km=random.randint(1, CITY_HEIGHT_KM),
            machines=tuple(
                _machine_facts(f"F{number:02d}-M{place}", process, random)
                for place, process in enumerate(processes, start=1)
            ),
        )
        for number, ((name_en, name_zh), processes) in enumerate(
            zip(names, owned, strict=True), start=1
        )
    )
    return PlatesFacts(seed=seed, quantity=quantity, factories=factories)


def _owned_processes(random: Random) -> list[list[ProcessFacts]]:
    """Deal the machines out: at least one and at most four for each factory."""
    deck = [process for process in ROUTE for _ in range(process.machines)]
    random.shuffle(deck)
    owned: list[list[ProcessFacts]] = [[deck.pop()] for _ in range(FACTORIES)]
    while deck:
        open_factories = [
            machines for machines in owned if len(machines) < MOST_MACHINES_PER_FACTORY
        ]
        random.choice(open_factories).append(deck.pop())
    return owned


def _machine_facts(code: str, process: ProcessFacts, random: Random) -> MachineFacts:
    return MachineFacts(
        code=code,
        process=process,
        price_per_hour_minor=process.price_per_hour_minor * random.randint(75, 130) // 100,
        rate_low_permille=random.randint(880, 980),
        reliability_permille=random.randint(900, 995),
    )


def shift_windows(days: int = HORIZON_DAYS) -> tuple[Window, ...]:
    """Return the daily 20-hour shifts, minute 0 being 06:00 of the first day."""
    return tuple(
        Window(start=day * DAY_MINUTES, end=day * DAY_MINUTES + SHIFT_MINUTES)
        for day in range(days)
    )


def transport_minutes(facts: PlatesFacts) -> Mapping[tuple[str, str], int]:
    """Return the truck minutes between all factories and to the buyer, loading included."""
    places = {factory.code: (factory.x_km, factory.y_km) for factory in facts.factories}
    places[BUYER] = BUYER_PLACE
    return {
        (origin, destination): haul_minutes(place, to_place)
        for origin, place in places.items()
        for destination, to_place in places.items()
        if origin != destination
    }


def plates_problem(facts: PlatesFacts, *, days: int = HORIZON_DAYS) -> Problem:
    """Translate the case into a scheduling problem; minute 0 is 06:00 of the first day."""
    windows = shift_windows(days)
    machines = tuple(
        Machine(
            id=machine.code,
            factory=factory.code,
            windows=windows,
            reliability_permille=machine.reliability_permille,
            capabilities=(_capability(machine),),
        )
        for factory in facts.factories
        for machine in factory.machines
    )
    order = Order(
        id="plates",
        quantity=facts.quantity,
        steps=tuple(Step(process=process.code) for process in ROUTE),
        due=DEADLINE_DAYS * DAY_MINUTES,
        destination=BUYER,
    )
    transport = Transport(minutes=transport_minutes(facts))
    return Problem(orders=(order,), machines=machines, transport=transport, currency=facts.currency)


def one_plant_problem(*, quantity: int = QUANTITY, days: int = 140) -> Problem:
    """Return the same order in one plant with 20 machines: the way it was done before."""
    machines = tuple(
        Machine(
            id=f"{process.code}-{number}",
            factory="plant",
            windows=shift_windows(days),
            capabilities=(
                Capability(
                    process=process.code,
                    rate_per_hour=process.rate_per_hour,
                    set_up_minutes=process.set_up_minutes,
                    price_per_hour_minor=process.price_per_hour_minor,
                    min_lot=MIN_LOT,
                    max_lot=MAX_LOT,
                ),
            ),
        )
        for process in ROUTE
        for number in range(1, process.plant_machines + 1)
    )
    steps = tuple(Step(process=process.code) for process in ROUTE)
    return Problem(orders=(Order(id="plates", quantity=quantity, steps=steps),), machines=machines)


def _capability(machine: MachineFacts) -> Capability:
    process = machine.process
    return Capability(
        process=process.code,
        rate_per_hour=process.rate_per_hour,
        set_up_minutes=process.set_up_minutes,
        price_per_hour_minor=machine.price_per_hour_minor,
        min_lot=MIN_LOT,
        max_lot=MAX_LOT,
        rate_low_permille=machine.rate_low_permille,
    )
