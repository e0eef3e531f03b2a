"""Profiles are read, and refused with file, line, field, value and expectation."""

from pathlib import Path

import pytest

from agent.domain.errors import BadSetup
from agent.domain.signals import FLOW_TEMPERATURE, GRID_POWER
from agent.sources.profile import Profile, signals_of
from agent.sources.profile_file import ProfileShelf, choose_variants, load_profile, parse_profile, profile_names

HEAD = """\
name = "test"
maker = "M"
model = "X"
sources = ["a data sheet"]
"""
GRID = """
[[register]]
signal = "grid_power"
address = 10
type = "i32"
"""


def refusal(text: str) -> BadSetup:
    with pytest.raises(BadSetup) as caught:
        parse_profile(text, "test.toml")
    assert "\n" not in str(caught.value)
    return caught.value


def test_every_shipped_profile_is_sound_and_names_its_sources() -> None:
    assert {"sunspec", "samson-trovis-557x"} <= set(profile_names())
    for name in profile_names():
        profile = load_profile(name)
        assert profile.name == name
        assert profile.sources
        assert signals_of(profile)
        for variant in profile.variant:
            load_profile(name, [variant.name])


def test_a_profile_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(HEAD + GRID)
    assert signals_of(load_profile(path)) == {GRID_POWER}
    assert signals_of(load_profile(str(path))) == {GRID_POWER}


def test_an_unknown_profile_is_answered_with_the_known_ones() -> None:
    with pytest.raises(BadSetup, match="sunspec"):
        load_profile("sunspeck")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadSetup, match=r"none\.toml: cannot be read: No such file or directory$"):
        load_profile(tmp_path / "none.toml")


def test_not_toml() -> None:
    assert "not TOML" in refusal("name = ").problem


def test_without_sources_of_its_facts_a_profile_is_refused() -> None:
    assert "sources" in refusal('name = "a"\nmaker = "b"\nmodel = "c"\n' + GRID).problem


def test_variants_flip_signs_and_add_registers() -> None:
    def sign(profile: Profile) -> int:
        return next(r.sign for r in profile.register if r.name == GRID_POWER)

    assert sign(load_profile("sunspec")) == 1
    assert sign(load_profile("sunspec", ["meter_counts_export"])) == -1
    plain, second = load_profile("samson-trovis-557x"), load_profile("samson-trovis-557x", ["circuit_2"])
    assert {f"{FLOW_TEMPERATURE}_2"} <= signals_of(second) - signals_of(plain)


def test_an_unknown_variant_is_answered_with_the_known_ones() -> None:
    with pytest.raises(BadSetup, match="meter_counts_export"):
        load_profile("sunspec", ["flip"])


CHOICES = """
[[variant]]
name = "tens"
about = "steps of 10 W"
times = { grid_power = 10.0 }
[[variant]]
name = "swapped"
about = "low word first"
order = "lo"
[[variant]]
name = "old"
about = "old firmware"
firmware = "below 2"
"""


def test_a_variant_may_scale_reorder_and_replace() -> None:
    text = HEAD + CHOICES + GRID + 'variant = "!old"\n' + GRID.replace("10", "90") + 'variant = "old"\n'
    plain = parse_profile(text, "t.toml")

    def chosen(*names: str) -> Profile:
        return choose_variants(plain, names)

    assert [r.address for r in chosen().register] == [10]
    assert [r.address for r in chosen("old").register] == [90]
    assert chosen("tens").register[0].scale == 10
    assert (chosen().order, chosen("swapped").order) == ("hi", "lo")


def test_a_path_counts_from_the_shelfs_folder(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(HEAD + GRID)
    shelf = ProfileShelf(tmp_path)
    assert signals_of(shelf.load("mine.toml")) == signals_of(shelf.load("mine")) == {GRID_POWER}
    assert signals_of(shelf.load(str(tmp_path / "mine.toml"))) == {GRID_POWER}
    assert shelf.load("sunspec").name == "sunspec"
    assert set(shelf.files()) == {"mine", *profile_names()}
    with pytest.raises(BadSetup, match=r"none\.toml: cannot be read: No such file or directory$"):
        shelf.load("none.toml")


def test_what_a_site_has_in_reach(tmp_path: Path) -> None:
    site, own = tmp_path / "site.toml", tmp_path / "profiles"
    site.write_text('[device]\nid = "home-1"\n')
    own.mkdir()
    (own / "mine.toml").write_text(HEAD + GRID)
    (tmp_path / "beside.toml").write_text(HEAD + GRID)
    (own / "sunspec.toml").write_text(HEAD + GRID)
    shelf = ProfileShelf.beside(site)
    files = shelf.files()
    assert set(files) == {"mine", "beside", *profile_names()}, "the site file is no profile"
    assert {name for name, path in files.items() if shelf.is_own(path)} == {"mine", "beside", "sunspec"}
    assert signals_of(shelf.load("sunspec")) == {GRID_POWER}, "one's own stands in for one that ships"
    for name in ("mine", "mine.toml", "profiles/mine.toml", "beside.toml"):
        assert signals_of(shelf.load(name)) == {GRID_POWER}
    assert ProfileShelf.beside(tmp_path / "new" / "site.toml").files().keys() == {*profile_names()}


def test_one_that_is_not_sound_is_told_and_hides_nobody(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(HEAD + GRID)
    (tmp_path / "broken.toml").write_text(HEAD + GRID + "scale = 'x'\n")
    profiles, faults = ProfileShelf(tmp_path).sound()
    assert {profile.name for profile in profiles} == {"mine", *profile_names()}
    assert len(faults) == 1
    assert "broken.toml:" in str(faults[0])


def test_the_profile_of_the_documentation_is_one() -> None:
    page = Path(__file__).parents[3] / "docs" / "profiles.md"
    text = page.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    assert signals_of(parse_profile(text, "profiles.md")) == {GRID_POWER}
