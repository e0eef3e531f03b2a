"""What is shipped is what is made, and every topic of the contract has its rule."""

from pathlib import Path

from agent.domain import wire
from agent.domain.commands import command_topic
from cloud.identity.mosquitto import access, listener

SHIPPED = Path(__file__).parents[3] / "packaging" / "mosquitto"
FOLDER = Path("/var/lib/emberwatt-cloud/identity")


def test_the_files_in_packaging_are_those_that_are_made() -> None:
    assert (SHIPPED / "emberwatt.conf").read_text() == listener(FOLDER)
    assert (SHIPPED / "acl").read_text() == access([])


def test_every_topic_of_the_contract_has_its_rule() -> None:
    rules = access([]).splitlines()
    for leaf in (wire.UP, wire.STATUS, wire.TWIN_REPORTED):
        assert f"pattern write {wire.topic('%u', leaf)}" in rules
        assert f"topic read {wire.topic('+', leaf)}" in rules
    for leaf in (wire.ACK, wire.TWIN_DESIRED):
        assert f"pattern read {wire.topic('%u', leaf)}" in rules
        assert f"topic write {wire.topic('+', leaf)}" in rules
    assert f"pattern read {command_topic('%u', '+')}" in rules
    assert f"pattern write {command_topic('%u', '+')}/reply" in rules


def test_no_rule_lets_a_device_out_of_its_level() -> None:
    for line in access(["gone"]).splitlines():
        if line.startswith("pattern "):
            assert line.split()[2].startswith("ew/1/%u/")
