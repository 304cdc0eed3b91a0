"""Laws of /metrics: what prometheus_client reads there is what happened; nothing names anyone."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from otumat_usage.host._health import metrics_token
from otumat_usage.host._metrics import Counter, Histogram, Metrics


@pytest.fixture
def scrape(service):
    def scrape():
        token = metrics_token(service.host.form_key)
        answer = service.browser.get("/metrics", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        return read(answer.text)

    return scrape


def read(text):
    """Return every sample by name and labels, as Prometheus' own parser reads it."""
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_uploads_rows_grants_and_decisions_are_counted(service, scrape):
    tokens = service.enrol()
    service.decide("no")
    body = service.batch(tokens, "plot", "fit", "")
    service.upload(tokens, body)
    service.upload(tokens, body)
    service.refresh(tokens["refresh_token"])
    service.refresh("wrong")

    found = scrape()

    assert found["otumat_uploads_total", ("kind", "new")] == 1
    assert found["otumat_uploads_total", ("kind", "again")] == 1
    assert found["otumat_rows_total", ("outcome", "accepted")] == 2
    assert found["otumat_rows_total", ("outcome", "rejected")] == 1
    assert found["otumat_rows_total", ("outcome", "again")] == 3
    assert found["otumat_grants_total", ("grant", "code"), ("outcome", "ok")] == 1
    assert found["otumat_grants_total", ("grant", "refresh"), ("outcome", "ok")] == 1
    assert found["otumat_grants_total", ("grant", "refresh"), ("outcome", "invalid_grant")] == 1
    assert found["otumat_consent_decisions_total", ("decision", "yes")] == 1
    assert found["otumat_consent_decisions_total", ("decision", "no")] == 1
    assert found["otumat_writes_waiting",] == 0
    assert found["process_start_time_seconds",] > 1.7e9


def test_answers_are_counted_by_the_route_s_pattern_and_status(service, scrape):
    service.browser.get("/.well-known/otumat-usage?package=demo")
    service.browser.get("/.well-known/otumat-usage?package=other")
    service.browser.get("/p/demo/consent")
    service.browser.get("/nowhere/at/all")
    service.browser.get("/healthz", headers={"Host": "evil.example"})

    found = scrape()

    def requests(route, status):
        return found["otumat_http_requests_total", ("route", route), ("status", status)]

    assert requests("/.well-known/otumat-usage", "200") == 1
    assert requests("/.well-known/otumat-usage", "404") == 1
    assert requests("/p/{package}/consent", "200") == 1
    assert requests("none", "404") == 1
    assert requests("none", "400") == 1
    name = "otumat_http_request_duration_seconds"
    assert found[f"{name}_count", ("route", "/.well-known/otumat-usage")] == 2
    assert found[f"{name}_bucket", ("le", "+Inf"), ("route", "none")] == 2


def test_no_label_can_be_chosen_by_a_stranger(service, scrape):
    for path in ("/p/secret-package", "/x?y=z", "/static/x/style.css"):
        service.browser.get(path)
    service.browser("BREW", "/healthz")

    assert not any("secret" in str(key) or "BREW" in str(key) for key in scrape())


def test_only_the_maintainer_reads_them(service):
    get = service.browser.get
    token = metrics_token(service.host.form_key)
    tokens = service.enrol()

    assert get("/metrics").status_code == 401
    for wrong in (f"Bearer {token}x", f"Basic {token}", f"Bearer {tokens['access_token']}"):
        assert get("/metrics", headers={"Authorization": wrong}).status_code == 401
    service.admin()
    assert get("/metrics").status_code == 200


def test_buckets_are_cumulative_and_labels_escaped():
    seconds, count = Histogram("s", "Text.", "of"), Counter("c_total", "Text.", "of")
    for value in (0.001, 0.005, 0.3, 99.0):
        seconds.observe("x", value)
    count.add('a"b\\c\nd', by=0.5)

    found = read("\n".join([*seconds.lines(), *count.lines()]) + "\n")

    assert found["s_bucket", ("le", "0.005"), ("of", "x")] == 2
    assert found["s_bucket", ("le", "0.25"), ("of", "x")] == 2
    assert found["s_bucket", ("le", "0.5"), ("of", "x")] == 3
    assert found["s_bucket", ("le", "+Inf"), ("of", "x")] == found["s_count", ("of", "x")] == 4
    assert found["s_sum", ("of", "x")] == pytest.approx(99.306)
    assert found["c_total", ("of", 'a"b\\c\nd')] == 0.5


def test_a_fresh_process_says_so_too():
    assert read(Metrics().text(waiting=3))["otumat_writes_waiting",] == 3
