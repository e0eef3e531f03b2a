"""What a browser keeps: good for a time, for one person, and for nobody who made it up."""

import base64

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud.access.people import People, Role
from cloud.access.sessions import holder, issued
from tests.cloud.access.conftest import PASSWORD


@pytest.fixture
def token(people: People) -> str:
    anna = people.find("anna")
    assert anna is not None
    return issued(people, "anna", anna, 1000)


def test_a_token_is_good_until_its_end(people: People, token: str) -> None:
    found = holder(people, token, 999)
    assert found is not None
    assert found == ("anna", people.find("anna"))
    assert holder(people, token, 1000) is None


def test_a_token_ends_with_the_password_the_role_and_the_person(people: People, token: str) -> None:
    people.add("anna", Role.MANAGER, PASSWORD)
    assert holder(people, token, 0) is None, "another password, or the same one given anew"
    people.remove("anna")
    assert holder(people, token, 0) is None


def test_a_token_cannot_be_made_longer_or_another_ones(people: People, token: str) -> None:
    text = base64.urlsafe_b64decode(token + "==").decode()
    for forged in (text.replace("1000", "9999"), text.replace("anna", "ben@home")):
        assert holder(people, base64.urlsafe_b64encode(forged.encode()).decode(), 0) is None


@given(st.text(max_size=80) | st.binary(max_size=60).map(lambda data: base64.urlsafe_b64encode(data).decode()))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_nothing_that_somebody_sends_is_a_token(people: People, sent: str) -> None:
    assert holder(people, sent, 0) is None
