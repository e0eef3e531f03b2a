import gzip
import io
import zipfile
from pathlib import Path

import polars as pl
import pytest

from agent.domain.errors import BadSetup
from agent.domain.signals import FLOW_TEMPERATURE, OUTDOOR_TEMPERATURE, ROOM_TEMPERATURE
from cloud.fleet.export_file import COLUMNS, Reading, read
from cloud.fleet.labels import read_labels

HEADER = ",".join(COLUMNS)
OUT, ROOM, FLOW = "BASE_VN_T.EXTER_T.REF_CORRIGE", "CIR1_VN_AMB_T.AMB_CORRIGE", "CIR1_AI_EAU_T.DEP_SONDE"


def row(label: str = OUT, when: str = "2016-04-01 00:15:00", value: str = "12.5", site: str = "9028480001") -> str:
    return f"16957,{site},MONTAUBAN,760944,{label},{when},{value}"


def parsed(
    tmp_path: Path, text: str | bytes, how: Reading | None = None
) -> tuple[pl.DataFrame, list[tuple[int, str]], dict[str, int]]:
    path = tmp_path / "export.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    blocks = list(read(path, how or Reading()))
    bad = [(line, reason) for block in blocks for line, reason, _ in block.bad.iter_rows()]
    return pl.concat([block.good for block in blocks]), bad, dict(blocks[0].foreign.iter_rows())


def test_the_three_labels_become_signals(tmp_path: Path) -> None:
    good, bad, _ = parsed(tmp_path, "\n".join([HEADER, row(), row(ROOM), row(FLOW)]) + "\n")
    assert good["signal"].to_list() == [OUTDOOR_TEMPERATURE, ROOM_TEMPERATURE, FLOW_TEMPERATURE]
    assert good.row(0)[:2] == ("9028480001", "MONTAUBAN")
    assert good["time"].dt.epoch("ms")[0] == 1459469700000
    assert bad == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (row(value=""), "Valeur"),
        (row(value="n/a"), "Valeur"),
        (row(value="inf"), "Valeur"),
        (row(value="1.234.5"), "Valeur"),
        (row(when="01/04/2016 00:15"), "DateEvenement"),
        (row(when="2016-02-30 00:15:00"), "DateEvenement"),
        (row(site=""), "NumInstallation"),
        (row() + ",7", "columns"),
        ("16957,9028480001", "columns"),
        (row(label=""), "LibelleLongMesure"),
    ],
)
def test_a_bad_row_is_put_aside_with_its_line(tmp_path: Path, line: str, reason: str) -> None:
    good, bad, _ = parsed(tmp_path, "\n".join([HEADER, row(), "", line, row(ROOM)]) + "\n")
    assert len(good) == 2
    assert [number for number, _ in bad] == [4]
    assert reason in bad[0][1]


def test_bom_semicolons_and_decimal_commas(tmp_path: Path) -> None:
    text = "\ufeff" + HEADER.replace(",", ";") + "\r\n"
    text += row(value="12.5").replace(",", ";").replace("12.5", "-12,75") + "\r\n"
    text += row().replace(",", ";").replace("12.5", "1.234,5") + "\r\n"
    good, bad, _ = parsed(tmp_path, text)
    assert good["value"].to_list() == [-12.75]
    assert [line for line, _ in bad] == [3]


def test_quoted_cells(tmp_path: Path) -> None:
    quoted = f'"16957","9028480001","PAU, CENTRE","760944","{OUT}","2016-04-01 00:15:00","12,5"'
    good, bad, _ = parsed(tmp_path, "\n".join([HEADER, row(ROOM), quoted, row(FLOW)]) + "\n")
    assert bad == []
    assert good["city"].to_list() == ["MONTAUBAN", "PAU, CENTRE", "MONTAUBAN"]
    assert good["value"][1] == 12.5


def test_columns_are_found_by_name(tmp_path: Path) -> None:
    header = "Valeur," + ",".join(name for name in COLUMNS if name != "Valeur") + ",Extra"
    good, _, _ = parsed(tmp_path, f"{header}\n3.5,1,99,PAU,2,{ROOM},2016-04-01 00:00:00,x\n")
    assert good.select("installation", "value").row(0) == ("99", 3.5)


def test_an_encoding_is_asked_for_not_guessed(tmp_path: Path) -> None:
    text = (HEADER + "\n" + row().replace("MONTAUBAN", "ORLÉANS") + "\n").encode("cp1252")
    _, bad, _ = parsed(tmp_path, text)
    assert [line for line, _ in bad] == [2]
    good, bad, _ = parsed(tmp_path, text, Reading(encoding="cp1252"))
    assert (good["city"].to_list(), bad) == (["ORLÉANS"], [])


def test_an_hour_that_exists_twice_is_put_aside(tmp_path: Path) -> None:
    times = ["2016-10-30 01:30:00", "2016-10-30 02:30:00", "2016-03-27 02:30:00", "2016-10-30 00:30:00Z"]
    text = "\n".join([HEADER, *(row(when=when) for when in times)]) + "\n"
    good, bad, _ = parsed(tmp_path, text, Reading(zone="Europe/Paris"))
    assert good["time"].dt.strftime("%d %H:%M").to_list() == ["29 23:30", "30 00:30"]
    assert [line for line, _ in bad] == [3, 4]


def test_foreign_labels_are_counted_and_users_extend_the_table(tmp_path: Path) -> None:
    text = "\n".join([HEADER, row("CIR2_T.AMB"), row("CIR2_T.AMB"), row()]) + "\n"
    good, bad, foreign = parsed(tmp_path, text)
    assert (len(good), bad, foreign) == (1, [], {"CIR2_T.AMB": 2})
    table = tmp_path / "mine.toml"
    table.write_text('[[label]]\nlabel = "*_T.AMB"\nsignal = "room_temperature"\nscale = 0.1\noffset = -1\n')
    good, _, foreign = parsed(tmp_path, text, Reading(labels=read_labels(table)))
    assert foreign == {}
    assert good["value"].to_list() == [0.25, 0.25, 12.5]


def test_packed_files_read_alike(tmp_path: Path) -> None:
    text = "\n".join([HEADER, row(), row(ROOM)]).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/export.CSV", text)
    plain, _, _ = parsed(tmp_path, text)
    for content in (gzip.compress(text), packed.getvalue()):
        assert parsed(tmp_path, content)[0].equals(plain)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"a,b,c\n1,2,3\n", "no column IdInterneInstallation"),
        (HEADER.encode("utf-16"), "UTF-16"),
        (b"", "no column"),
        (gzip.compress((HEADER + "\n" + row() + "\n").encode() * 50, mtime=0)[:-20], "damaged"),
    ],
)
def test_a_file_that_is_none_is_told_in_one_line(tmp_path: Path, content: bytes, told: str) -> None:
    with pytest.raises(BadSetup, match=told) as caught:
        parsed(tmp_path, content)
    assert "\n" not in str(caught.value)


def test_line_numbers_go_on_over_blocks(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text("\n".join([HEADER, *([row()] * 40), row(value="?"), row()]))
    with path.open("rb") as stream:
        size = len(stream.read())
    blocks = list(read(path, Reading(), block=size // 7))
    assert len(blocks) > 3
    assert [line for block in blocks for line in block.bad["line"]] == [42]
    assert sum(block.rows for block in blocks) == 42
    assert blocks[-1].done == 1.0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 1", "no .* entries"),
        ('[[label]]\nlabel = "a"\nsignal = "room_temprature"', "room_temperature"),
        ('[[label]]\nlabel = "a"', "label 1: .*expected label and signal"),
        ('[[label]]\nlabel = "a"\nsignal = "room_temperature"\nscale = "x"', "scale = 'x': expected a number"),
        ("[[", "not TOML"),
    ],
)
def test_a_bad_table_of_labels_is_told(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(BadSetup, match=told):
        read_labels(path)
