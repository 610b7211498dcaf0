"""Keys, limits, other origins, and what is written down of requests."""

from __future__ import annotations

import base64
import gzip
import re
from collections.abc import Iterator

import httpx
import pytest

from movie_assets_tests.api_server import ApiServer, serving_api, wait_until, write_home

KEYS = ("first-key-SENTINEL-0001", "second-key-SENTINEL-0002")
ORIGIN = "https://films.example.org"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with serving_api(
        write_home(tmp_path_factory.mktemp("guarded"), 40),
        MOVIE_API_KEYS=", ".join(KEYS),
        MOVIE_API_CORS_ORIGINS=ORIGIN,
        MOVIE_API_RATE_LIMIT="30/hour",
    ) as server:
        yield server


def basic(password: str) -> str:
    """What a browser sends of a user's name and a password."""
    return "Basic " + base64.b64encode(f"anybody:{password}".encode()).decode()


def test_without_a_key_only_probes_and_docs_are_answered(guarded: ApiServer) -> None:
    for path in ("/health", "/ready", "/docs", "/docs/swagger-ui.css", "/openapi.json"):
        assert guarded.client.get(path).status_code == 200, path
    for path in ("/", "/v1/movies?q=the", "/metrics", "/nothing", "/v1/movies/949/similar"):
        refused = guarded.client.get(path)
        assert refused.status_code == 401, path
        assert refused.headers["www-authenticate"].startswith("Bearer")
        assert refused.json()["type"] == "urn:movie-assets:problem:no-key"
    assert guarded.client.post("/recommendations/", json={"movie": "Heat"}).status_code == 401


def test_a_key_opens(guarded: ApiServer) -> None:
    for headers in (
        {"authorization": f"Bearer {KEYS[0]}"},
        {"authorization": f"bearer {KEYS[1]}"},
        {"x-api-key": KEYS[1]},
        {"authorization": basic(KEYS[0])},
    ):
        assert guarded.client.get("/v1/movies?q=the", headers=headers).status_code == 200, headers
    for headers in (
        {"authorization": f"Bearer {KEYS[0][:-1]}"},
        {"authorization": f"Bearer {', '.join(KEYS)}"},
        {"authorization": "Bearer"},
        {"authorization": "Basic %%%"},
        {"x-api-key": ""},
    ):
        assert guarded.client.get("/v1/movies?q=the", headers=headers).status_code == 401, headers


def test_a_browser_is_asked_for_a_password(guarded: ApiServer) -> None:
    browser = {"accept": "text/html,*/*;q=0.8"}
    refused = guarded.client.get("/", headers=browser)
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Basic")
    assert refused.headers["content-type"].startswith("text/html")
    opened = guarded.client.get("/", headers={**browser, "authorization": basic(KEYS[0])})
    assert opened.status_code == 200


def test_answers_for_a_key_are_kept_by_nobody_else(guarded: ApiServer) -> None:
    answer = guarded.client.get("/v1/movies?q=the", headers={"x-api-key": KEYS[0]})
    assert answer.headers["cache-control"].startswith("private")


def test_pages_of_allowed_origins_only(guarded: ApiServer) -> None:
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "x-api-key"}
    allowed = guarded.client.options("/v1/recommendations", headers={**asked, "origin": ORIGIN})
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == ORIGIN
    other = guarded.client.options(
        "/v1/recommendations", headers={**asked, "origin": "https://other.example.org"}
    )
    assert "access-control-allow-origin" not in other.headers
    answer = guarded.client.get(
        "/v1/movies?q=the", headers={"origin": ORIGIN, "x-api-key": KEYS[0]}
    )
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "ETag" in answer.headers["access-control-expose-headers"]


def test_no_key_is_written_anywhere(guarded: ApiServer) -> None:
    guarded.client.get(f"/v1/movies?q=the&key={KEYS[0]}", headers={"x-api-key": KEYS[0]})
    guarded.client.get("/nothing-to-see", headers={"x-api-key": KEYS[1]})
    wait_until(lambda: any(line["path"] == "/nothing-to-see" for line in guarded.access_log))
    for name in ("stdout.log", "stderr.log"):
        assert "SENTINEL" not in (guarded.home / name).read_text()
    assert {line["with_key"] for line in guarded.access_log} == {True, False}


def test_too_many_requests_of_one_key_are_told_when_to_come_back(guarded: ApiServer) -> None:
    """The last one here: afterwards the key and the address have had theirs."""
    headers = {"x-api-key": KEYS[1]}
    answers = [guarded.client.get("/v1/movies?q=the", headers=headers) for _ in range(40)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert all(answer.status_code in (200, 429) for answer in answers)
    assert int(refused[0].headers["retry-after"]) >= 1
    assert "30 per 1 hour" in refused[0].json()["detail"]
    assert guarded.client.get("/ready").status_code == 200


def test_an_answer_that_is_known_is_not_sent_again(client: httpx.Client) -> None:
    first = client.get("/v1/movies/949/similar")
    etag = first.headers["etag"]
    assert first.headers["x-snapshot"] in etag
    assert first.headers["cache-control"] == "public, max-age=60"
    for known in (etag, etag.removeprefix("W/"), f'"other", {etag}', "*"):
        again = client.get("/v1/movies/949/similar", headers={"if-none-match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == etag
    for known in ('"other"', 'W/"other"', ""):
        again = client.get("/v1/movies/949/similar", headers={"if-none-match": known})
        assert again.content == first.content
    assert client.get("/v1/movies/5", headers={"if-none-match": "*"}).status_code == 404


def test_answers_are_compressed_for_who_takes_that(client: httpx.Client) -> None:
    def get(accepted: str) -> httpx.Response:
        request = client.build_request("GET", "/v1/movies/949/similar")
        request.headers["accept-encoding"] = accepted
        return client.send(request, stream=True)

    plain = client.get("/v1/movies/949/similar", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    for accepted in ("gzip", "br, gzip;q=0.5", "*"):
        packed = get(accepted)
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.headers["vary"] == "Accept-Encoding"
        raw = b"".join(packed.iter_raw())
        assert len(raw) == int(packed.headers["content-length"]) < len(plain.content)
        assert gzip.decompress(raw) == plain.content
    refused = get("gzip;q=0, identity")
    assert "content-encoding" not in refused.headers
    refused.close()


def test_a_request_has_an_id_of_its_own_or_of_its_sender(client: httpx.Client) -> None:
    ids = {client.get("/health").headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3
    sent = {"x-request-id": "trace-42.a_b"}
    assert client.get("/health", headers=sent).headers["x-request-id"] == "trace-42.a_b"
    for bad in ("a b", "x" * 65, "<b>", ""):
        given = client.get("/health", headers={"x-request-id": bad}).headers["x-request-id"]
        assert given != bad
        assert re.fullmatch(r"[0-9a-f-]+", given)


def test_each_request_is_a_line_of_the_access_log(server: ApiServer) -> None:
    server.client.get("/v1/movies/949/similar?limit=7", headers={"x-request-id": "logged-1"})
    server.client.get("/v1/movies?q=secret+wish", headers={"x-request-id": "logged-2"})
    server.client.get("/v1/no" + "x" * 500, headers={"x-request-id": "logged-3"})

    def lines() -> dict[str, dict[str, object]]:
        return {line["request_id"]: line for line in server.access_log}

    wait_until(lambda: "logged-3" in lines())
    line = lines()["logged-1"]
    assert line["route"] == "/v1/movies/{movie_id}/similar"
    assert line["path"] == "/v1/movies/949/similar"
    assert (line["method"], line["status"], line["client"]) == ("GET", 200, "127.0.0.1")
    assert isinstance(line["ms"], float)
    assert isinstance(line["bytes"], int)
    assert line["bytes"] > 500
    assert "secret" not in str(lines()["logged-2"])
    assert lines()["logged-3"]["route"] == "other"
    assert len(str(lines()["logged-3"]["path"])) <= 200


def test_figures_for_prometheus(client: httpx.Client) -> None:
    client.get("/v1/movies/949/similar")
    client.get("/v1/movies/not-a-number")
    for number in range(30):
        client.get(f"/made-up/{number}")
        client.request(f"M{number}", "/health")
    response = client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    text = response.text
    route = 'route="/v1/movies/{movie_id}/similar"'
    assert f'movie_api_request_duration_seconds_bucket{{le="0.005",method="GET",{route}}}' in text
    assert re.search(
        r'movie_api_requests_total{method="GET",route="/v1/movies/{movie_id}",status="422"} ', text
    )
    assert "movie_snapshot_films 200.0" in text
    assert re.search(r"^movie_snapshot_age_seconds [0-9.]+$", text, re.MULTILINE)
    assert "made-up" not in text
    assert "M7" not in text
    open_metrics = client.get("/metrics", headers={"accept": "application/openmetrics-text"})
    assert open_metrics.headers["content-type"].startswith("application/openmetrics-text")
    assert open_metrics.text.endswith("# EOF\n")


def test_the_docs_need_nobody_else(client: httpx.Client) -> None:
    page = client.get("/docs")
    assert "//" not in page.text.replace("<!doctype", "")
    for name in re.findall(r'(?:src|href)="(docs/[^"]+)"', page.text):
        file = client.get(f"/{name}")
        assert file.status_code == 200
        assert file.headers["content-type"].split(";")[0] in ("text/javascript", "text/css")
    assert client.get("/docs/../../etc/passwd").status_code == 404
    assert client.get("/docs/redoc.standalone.js").status_code == 404
