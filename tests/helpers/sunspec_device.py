"""Words of a SunSpec hybrid inverter, written from the model definitions and not from the agent's profile."""

from collections.abc import Sequence

from tests.helpers.modbus_server import ModbusServer


def text(value: str, words: int) -> list[int]:
    data = value.encode().ljust(2 * words, b"\0")
    return [data[i] << 8 | data[i + 1] for i in range(0, 2 * words, 2)]


def signed(value: int) -> int:
    return value & 0xFFFF


def long(value: int) -> list[int]:
    return [value >> 16 & 0xFFFF, value & 0xFFFF]


def model(number: int, length: int, parts: dict[int, Sequence[int]]) -> list[int]:
    """A model with its header; `parts` are words by their place behind the header word."""
    words = [number, length] + [0xFFFF] * length
    for place, content in parts.items():
        words[place : place + len(content)] = content
    assert len(words) == length + 2
    return words


def common() -> list[int]:
    parts: dict[int, Sequence[int]] = {
        2: text("Maker", 16),
        18: text("Hybrid 10", 16),
        42: text("1.28.7", 8),
        50: text("S-0042\0\x07junk", 16),
    }
    return model(1, 65, parts)


def inverter(
    watts: int, *, factor: int = 0, state: int = 4, events: int = 0, dc: int = 0, cabinet: int = 315
) -> list[int]:
    parts: dict[int, Sequence[int]] = {
        14: [signed(watts), signed(factor)],
        24: [*long(1_234_567), 0],
        31: [signed(dc), 0],
        33: [cabinet],
        37: [signed(-1)],
        38: [state],
        40: long(events),
    }
    return model(103, 50, parts)


def storage(percent_hundredths: int) -> list[int]:
    return model(124, 24, {8: [percent_hundredths], 22: [signed(-2)]})


def mppt(watts: Sequence[int], names: Sequence[str], *, factor: int = 0) -> list[int]:
    parts: dict[int, Sequence[int]] = {2: [signed(-2), signed(-1), signed(factor), 1], 6: [0, 0], 8: [len(watts)]}
    for index, (power, name) in enumerate(zip(watts, names, strict=True)):
        start = 10 + 20 * index
        parts[start] = [index + 1, *text(name, 8)]
        parts[start + 11] = [power]
        parts[start + 12] = long(1000 * (index + 1))
    return model(160, 8 + 20 * len(watts), parts)


def meter(watts: int, *, factor: int = 0) -> list[int]:
    parts: dict[int, Sequence[int]] = {
        18: [signed(watts)],
        22: [signed(factor)],
        38: long(5_000),
        46: long(70_000),
        54: [1],
    }
    return model(203, 105, parts)


def vendor_model() -> list[int]:
    return model(64_900, 7, {2: [1, 2, 3]})


FRONIUS_NAMES = ("MPPT 1", "MPPT 2", "StCha 3", "StDisCha 4")


def hybrid(
    *, ac: int = 2500, grid: int = -1200, modules: Sequence[int] = (2000, 1500, 900, 0), soc: int = 6450
) -> list[list[int]]:
    """PV 3,500 W, battery charging with 900 W, 2,500 W AC, 1,200 W exported: the house takes 1,300 W."""
    return [common(), inverter(ac), vendor_model(), mppt(modules, FRONIUS_NAMES), storage(soc), meter(grid)]


def serve(server: ModbusServer, models: Sequence[Sequence[int]], *, base: int = 40000, unit: int = 1) -> dict[int, int]:
    """Put a chain into the server; gives the header address of each model number."""
    server.put(base, [0x5375, 0x6E53], unit=unit)
    address = base + 2
    places: dict[int, int] = {}
    for words in models:
        places.setdefault(words[0], address)
        server.put(address, words, unit=unit)
        address += len(words)
    server.put(address, [0xFFFF, 0], unit=unit)
    return places
