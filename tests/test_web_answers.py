import pytest

from pipeline.web.answers import error_of_status

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("17", 17.0),
        (" 17 ", 17.0),
        ("Tue, 14 Nov 2023 22:14:20 GMT", 60.0),
        ("Tuesday, 14-Nov-23 22:14:20 GMT", 60.0),
        ("Tue, 14 Nov 2023 22:14:20", 60.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("Wed, 21 Oct 2015 " + "9" * 20 + ":28:00 GMT", None),
        ("Wed, 21 Oct 2015 07:28:00 +" + "9" * 20, None),
    ],
)
def test_retry_after_is_a_number_or_a_date(value, seconds):
    assert error_of_status(503, {"Retry-After": value}, NOW).retry_after_s == seconds
