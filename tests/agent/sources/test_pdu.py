"""What a master says and hears, against another implementation of the same specification."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.pdu import DecodePDU, ModbusPDU
from pymodbus.pdu.bit_message import ReadCoilsResponse, ReadDiscreteInputsResponse
from pymodbus.pdu.exceptionresponse import ExceptionResponse
from pymodbus.pdu.mei_message import ReadDeviceInformationRequest, ReadDeviceInformationResponse
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersResponse,
    ReadInputRegistersResponse,
    WriteMultipleRegistersRequest,
    WriteMultipleRegistersResponse,
    WriteSingleRegisterRequest,
    WriteSingleRegisterResponse,
)

from agent.sources import pdu
from agent.sources.pdu import BadAnswer, Reply, Request

WORDS = st.integers(0, 0xFFFF)
SERVER = DecodePDU(True)


def heard(request: Request) -> ModbusPDU:
    """What the other implementation's server understands."""
    understood = SERVER.decode(request.body)
    assert understood is not None
    return understood


def said(answer: ModbusPDU) -> bytes:
    """What the other implementation's server sends."""
    return bytes([answer.function_code]) + answer.encode()


@given(function=st.sampled_from([1, 2, 3, 4]), address=WORDS, count=st.integers(1, 125))
def test_a_read_is_understood(function: int, address: int, count: int) -> None:
    got = heard(pdu.read(1, function, address, count))
    assert (got.function_code, got.address, got.count) == (function, address, count)


@given(address=WORDS, value=WORDS)
def test_the_write_of_a_word_is_understood(address: int, value: int) -> None:
    got = heard(pdu.write_word(1, address, value))
    assert isinstance(got, WriteSingleRegisterRequest)
    assert (got.address, got.registers) == (address, [value])


@given(address=WORDS, values=st.lists(WORDS, min_size=1, max_size=123))
def test_the_write_of_words_is_understood(address: int, values: list[int]) -> None:
    got = heard(pdu.write_words(1, address, values))
    assert isinstance(got, WriteMultipleRegistersRequest)
    assert (got.address, got.registers) == (address, values)


def test_the_question_who_it_is_is_understood() -> None:
    got = heard(pdu.identify(1))
    assert isinstance(got, ReadDeviceInformationRequest)
    assert (got.read_code, got.object_id) == (1, 0)


@given(values=st.lists(WORDS, max_size=125))
@pytest.mark.parametrize("answer", [ReadHoldingRegistersResponse, ReadInputRegistersResponse])
def test_words_come_as_they_were_sent(answer: type[ModbusPDU], values: list[int]) -> None:
    reply = pdu.decode(said(answer(registers=values)))
    assert (list(reply.values), reply.refused) == (values, None)


@given(bits=st.lists(st.booleans(), min_size=1, max_size=200))
@pytest.mark.parametrize("answer", [ReadCoilsResponse, ReadDiscreteInputsResponse])
def test_bits_come_in_whole_bytes(answer: type[ModbusPDU], bits: list[bool]) -> None:
    reply = pdu.decode(said(answer(bits=list(bits))))
    assert list(reply.values[: len(bits)]) == bits
    assert len(reply.values) == (len(bits) + 7) // 8 * 8
    assert not any(reply.values[len(bits) :])


@given(function=st.sampled_from([1, 2, 3, 4, 6, 16, 43]), code=st.integers(0, 255))
def test_a_refusal_has_its_code_even_if_that_is_nothing(function: int, code: int) -> None:
    assert pdu.decode(said(ExceptionResponse(function, code))).refused == code


@given(told=st.dictionaries(st.integers(0, 6), st.binary(min_size=1, max_size=20), min_size=1, max_size=7))
def test_who_it_is(told: dict[int, bytes]) -> None:
    answer = ReadDeviceInformationResponse(read_code=1, information=dict(told))
    assert pdu.decode(said(answer)).objects == told


def test_of_a_number_that_is_told_twice_the_first_counts() -> None:
    assert pdu.decode(b"\x2b\x0e\x01\x01\x00\x00\x02\x00\x01A\x00\x01B").objects == {0: b"A"}


def test_what_a_write_repeats() -> None:
    assert pdu.decode(said(WriteSingleRegisterResponse(address=1, registers=[5]))) == Reply(6)
    assert pdu.decode(said(WriteMultipleRegistersResponse(address=1, count=2))) == Reply(16)


@pytest.mark.parametrize(
    "body",
    [
        b"\x03",
        b"\x03\x04\x00\x01",
        b"\x01",
        b"\x01\x02\x00",
        b"\x83",
        b"\x2b\x0e\x01\x01\x00\x00\x01\x00\x04Ac",
        b"\x2b\x0e",
    ],
)
def test_what_is_cut_short_is_no_answer(body: bytes) -> None:
    with pytest.raises(BadAnswer, match="cut short"):
        pdu.decode(body)


@pytest.mark.parametrize("body", [b"", b"\x00", b"\x07\x00", b"\x55\x01"])
def test_what_nobody_asked_for_is_no_answer(body: bytes) -> None:
    with pytest.raises(BadAnswer, match="cannot be understood"):
        pdu.decode(body)


@given(body=st.binary(max_size=260))
def test_noise_is_an_answer_or_none(body: bytes) -> None:
    try:
        reply = pdu.decode(body)
    except BadAnswer:
        return
    assert all(0 <= value <= 0xFFFF for value in reply.values)
