import re

import msgspec

from tests.cloud.api.conftest import Api


def test_the_document_describes_every_endpoint(api: Api) -> None:
    document = api.json("/openapi.json")
    assert document["openapi"].startswith("3.")
    assert document["servers"] == [{"url": "/api/v1"}]
    assert set(document["paths"]) == {
        "/devices",
        "/devices/{device}",
        "/devices/{device}/signals",
        "/devices/{device}/twin",
        "/devices/{device}/twin/desired",
        "/devices/{device}/series",
        "/energy",
        "/energy/periods",
        "/maintenance",
        "/events",
        "/faults",
        "/health",
        "/mtbf",
        "/quarantine",
    }
    for methods in document["paths"].values():
        for entry in methods.values():
            assert entry["responses"]["422"]["content"]["application/json"]["schema"]["$ref"].endswith("ProblemBody")


def test_every_example_on_the_reference_page_works(api: Api) -> None:
    page = api.get("/docs")
    links = re.findall(r'class="try" href="/api/v1([^"]+)"', page.text)
    assert len(links) == 13
    for link in links:
        assert api.get(link.replace("&amp;", "&")).status_code == 200, link


def test_the_reference_page_needs_nothing_from_elsewhere(api: Api) -> None:
    page = api.get("/docs")
    assert not re.search(r"(src|href)=\"(https?:)?//", page.text)
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "http" not in api.get("/docs.css").text


def test_the_reference_page_stands_without_devices(api: Api) -> None:
    api.fleet.site_list = []
    assert api.get("/docs").status_code == 200


def test_a_devices_name_stays_text(api: Api) -> None:
    api.fleet.site_list = [msgspec.structs.replace(api.fleet.site_list[0], device='a"><script>alert(1)</script>')]
    page = api.get("/docs").text
    assert "<script" not in page
    assert "alert(1)" in page


def test_the_frameworks_own_pages_are_off(api: Api) -> None:
    api.problem("/redoc", 404)
