"""Devices and their twins."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Query, Response

from agent.domain.signals import spec_of
from agent.domain.twin import StaleVersion, Twin, diff
from cloud.api.asked import known_code
from cloud.api.models import Device, DevicePage, SignalList, SignalOut, TwinHalf, TwinOut
from cloud.api.params import DeviceId, Limit, Now, Offset, Reader, known
from cloud.api.problems import ApiProblem, invalid, unknown_device
from cloud.ports import FleetReader, Site

router = APIRouter(tags=["devices"])
MAX_DEPTH = 16
_ETAG = re.compile(r'(?:W/)?"?(\d{1,18})"?')

FaultFilter = Annotated[
    str | None,
    Query(max_length=64, description="A fault code, `any` for sites with an active fault, `none` for the others"),
]
IfMatch = Annotated[str | None, Header(max_length=40, description="Version that the write was made on")]
Expected = Annotated[int | None, Query(ge=0, description="The same, where headers are awkward")]
Document = Annotated[dict[str, Any], Body(description="JSON object")]


@router.get("/devices", openapi_extra={"x-example": "/devices?online=true&limit=20"})
def devices(
    reader: Reader,
    clock: Now,
    online: Annotated[bool | None, Query(description="Only sites that are online, or only those that are not")] = None,
    fault: FaultFilter = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> DevicePage:
    """All devices, in order of their id."""
    if fault:
        known_code(reader, "fault", fault, ("any", "none"))
    now_ms = clock.now_ms()
    chosen = sorted(
        (site for site in reader.sites() if _wanted(site, now_ms, online, fault)), key=lambda site: site.device
    )
    part = [Device.of(site, now_ms) for site in chosen[offset : offset + limit]]
    following = offset + limit if offset + limit < len(chosen) else None
    return DevicePage(total=len(chosen), limit=limit, offset=offset, next=following, items=part)


def _wanted(site: Site, now_ms: int, online: bool | None, fault: str | None) -> bool:
    if online is not None and (site.state(now_ms) == "online") != online:
        return False
    codes = {active.code for active in site.active_faults}
    if fault in (None, ""):
        return True
    if fault in ("any", "none"):
        return bool(codes) == (fault == "any")
    return fault in codes


@router.get("/devices/{device}", openapi_extra={"x-example": "/devices/{device}"})
def device(device: DeviceId, reader: Reader, clock: Now) -> Device:
    """One device with its last reading."""
    return Device.of(known(reader, device), clock.now_ms())


@router.get("/devices/{device}/signals", openapi_extra={"x-example": "/devices/{device}/signals"})
def signals(device: DeviceId, reader: Reader) -> SignalList:
    """The signals that have a series."""
    known(reader, device)
    return SignalList(items=[_signal(name) for name in reader.signals(device)])


def _signal(name: str) -> SignalOut:
    spec = spec_of(name)
    if spec is None:
        return SignalOut(signal=name, unit="", kind="", meaning="")
    return SignalOut(signal=name, unit=spec.unit, kind=spec.kind, meaning=spec.meaning)


@router.get("/devices/{device}/twin", openapi_extra={"x-example": "/devices/{device}/twin"})
def twin(device: DeviceId, reader: Reader, response: Response) -> TwinOut:
    """What the device should be and what it says it is. The ETag is the desired version."""
    desired, reported = _twins(reader, device)
    response.headers["ETag"] = f'"{desired.version}"'
    return TwinOut(desired=_half(desired), reported=_half(reported))


@router.patch("/devices/{device}/twin/desired")
def patch_desired(
    device: DeviceId,
    patch: Document,
    reader: Reader,
    response: Response,
    if_match: IfMatch = None,
    expected: Expected = None,
) -> TwinHalf:
    """Merge a patch (RFC 7396: null removes a key) into the desired document.

    `If-Match` or `expected` names the version that the patch was made on; 409 with the present one when it is stale.
    """
    _twins(reader, device)
    _check_depth(patch)
    return _written(reader.desire(device, patch, version_of(if_match, expected)), response)


@router.put("/devices/{device}/twin/desired")
def put_desired(
    device: DeviceId,
    doc: Document,
    reader: Reader,
    response: Response,
    if_match: IfMatch = None,
    expected: Expected = None,
) -> TwinHalf:
    """Put a whole desired document, without nulls, in place of the present one. Versions as for PATCH."""
    desired, _ = _twins(reader, device)
    version = version_of(if_match, expected)
    _check_depth(doc)
    _check_no_null(doc, "body")
    if version != desired.version:
        raise StaleVersion(version, desired.version)
    return _written(reader.desire(device, diff(desired.doc, doc), version), response)


def _twins(reader: FleetReader, device: str) -> tuple[Twin, Twin]:
    both = reader.twin(device)
    if both is None:
        raise unknown_device(device)
    return both


def _half(twin: Twin) -> TwinHalf:
    return TwinHalf(version=twin.version, doc=twin.doc)


def _written(twin: Twin, response: Response) -> TwinHalf:
    response.headers["ETag"] = f'"{twin.version}"'
    return _half(twin)


def version_of(if_match: str | None, expected: int | None) -> int:
    if if_match is None and expected is None:
        raise invalid("expected", None, "the version the write was made on, as If-Match header or `expected`")
    if if_match is None:
        return expected or 0
    match = _ETAG.fullmatch(if_match.strip())
    if match is None:
        raise ApiProblem(400, "If-Match", if_match, 'a version number, for example "3"', "If-Match cannot be read")
    version = int(match[1])
    if expected is not None and expected != version:
        raise invalid("expected", expected, f"the same version as If-Match, {version}")
    return version


def _check_depth(value: object, depth: int = 0) -> None:
    if depth > MAX_DEPTH:
        raise invalid("body", "…", f"at most {MAX_DEPTH} levels")
    inner = value.values() if isinstance(value, dict) else (value if isinstance(value, list) else ())
    for item in inner:
        _check_depth(item, depth + 1)


def _check_no_null(value: object, place: str) -> None:
    if value is None:
        raise invalid(place, None, "a value; leave the key out to remove it, or PATCH")
    if isinstance(value, dict):
        for key, item in value.items():
            _check_no_null(item, f"{place}.{key}")
