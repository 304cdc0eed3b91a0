"""Laws of route 3."""


def test_an_upload_is_counted_and_acknowledged(service):
    tokens = service.enrol()
    body = service.batch(tokens, "plot", "fit", "plot")

    answer = service.upload(tokens, body, Idempotency_Key='"batch-1"')

    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["accepted"], said["duplicate"], said["rejected"]) == (3, False, [])
    assert said["batch"] == body["batch"]
    assert 43_200 <= said["next_upload_after"] <= 129_600
