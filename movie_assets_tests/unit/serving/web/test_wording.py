from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from movie_assets.serving.web import wording

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ago", "told"),
    [
        (timedelta(seconds=-90), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(seconds=60), "1 minute ago"),
        (timedelta(minutes=119), "119 minutes ago"),
        (timedelta(hours=2), "2 hours ago"),
        (timedelta(hours=47), "47 hours ago"),
        (timedelta(days=3), "3 days ago"),
    ],
)
def test_age(ago: timedelta, told: str) -> None:
    assert wording.age(NOW - ago, NOW) == told


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Amélie", "amelie"),
        ("Se7en: The Director's Cut", "se7en-the-directors-cut"),
        ("<script>alert(1)</script>", "script-alert-1-script"),
        ("千と千尋の神隠し", ""),
        ("x" * 100, "x" * 60),
        ("a/../b?c#d%00", "a-b-c-d-00"),
    ],
)
def test_slug(title: str, slug: str) -> None:
    assert wording.slug(title) == slug


def test_numbers_and_names() -> None:
    assert [wording.number(n) for n in (0, 12345, 0.3456, 1234.5)] == [
        "0",
        "12,345",
        "0.346",
        "1,234",
    ]
    assert [wording.count(n, "film") for n in (0, 1, 1000)] == ["0 films", "1 film", "1,000 films"]
    assert [wording.runtime(n) for n in (45, 60, 170)] == ["45 min", "1 h", "2 h 50 min"]
    assert [wording.names(n) for n in ([], ["A"], ["A", "B", "C"])] == ["", "A", "A, B and C"]
    assert [wording.language(code) for code in ("en", "qq")] == ["English", "QQ"]
    tags = [wording.language_tag(code) for code in ("ja", "cn", "xx", '"', None)]
    assert tags == ["ja", "yue", None, None, None]
    assert wording.day(NOW) == "22 November 2026"
