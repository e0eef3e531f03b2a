"""What the aggregator answers a device over HTTPS: letters for it, each with its number in the device's box.

Over MQTT the broker keeps and hands on what is addressed to a device. Over HTTPS the device asks, and names the box and
the last number it has, so that an answer that was lost on the way is given again. An envelope is MessagePack.
"""

from typing import Final

import msgspec

from agent.domain.errors import BadMessage

CONTENT_TYPE: Final = "application/vnd.msgpack"
MAX_ENVELOPE_BYTES: Final = 4 * 1024 * 1024


class Letter(msgspec.Struct, frozen=True, array_like=True):
    """One message to a device. `number` is 0 for the direct answer to a request, which is in no box."""

    leaf: str
    payload: bytes
    retained: bool = False
    number: int = 0


class Envelope(msgspec.Struct, frozen=True, array_like=True):
    """An answer. With `again_s` the device is asked to leave at least so many seconds before it asks again."""

    box: str
    letters: list[Letter] = []
    again_s: float = 0.0


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Envelope)


def encode_envelope(envelope: Envelope) -> bytes:
    return _encoder.encode(envelope)


def decode_envelope(data: bytes) -> Envelope:
    """Raises `BadMessage`."""
    if len(data) > MAX_ENVELOPE_BYTES:
        raise BadMessage(f"envelope of {len(data)} bytes, at most {MAX_ENVELOPE_BYTES} allowed")
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadMessage(f"envelope: {error}") from error
