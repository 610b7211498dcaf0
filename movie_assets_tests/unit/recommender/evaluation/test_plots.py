"""The drawing: well-formed, everything in it, nothing outside of it."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from hypothesis import given, settings
from hypothesis import strategies as st

from movie_assets.recommender.evaluation.figures import PROFILES, SIMILAR, Figure
from movie_assets.recommender.evaluation.plots import accuracy_against_breadth

SVG = "{http://www.w3.org/2000/svg}"


def figures_of(
    *methods: tuple[str, float, float, float, float], task: str = SIMILAR
) -> list[Figure]:
    """Of name, different films, NDCG, and from where to where it is expected."""
    return [
        figure
        for name, films, ndcg, low, high in methods
        for figure in (
            Figure(task, name, "different_films", films, None, None, ""),
            Figure(task, name, "ndcg_at_10", ndcg, low, high, ""),
        )
    ]


def test_better_is_higher_and_wider_is_further_right() -> None:
    drawing = accuracy_against_breadth(
        figures_of(("few & right", 100, 0.4, 0.3, 0.5), ("many", 1000, 0.1, 0.08, 0.12)), SIMILAR
    )
    assert drawing is not None
    root = ET.fromstring(drawing)
    few, many = root.iter(f"{SVG}circle")
    assert float(few.attrib["cx"]) < float(many.attrib["cx"])
    assert float(few.attrib["cy"]) < float(many.attrib["cy"])  # y goes down in SVG
    texts = {text.text for text in root.iter(f"{SVG}text")}
    assert {"few & right", "many", "0.1", "0.4", "100", "1,000"} <= texts


def test_there_is_nothing_to_draw_without_accuracy() -> None:
    only_wide = figures_of(("a", 10, 0.5, 0.4, 0.6))[:1]
    nothing_listed = figures_of(("a", 0, 0.0, 0.0, 0.0))
    other_task = figures_of(("a", 10, 0.5, 0.4, 0.6), task=PROFILES)
    for figures in ([], only_wide, nothing_listed, other_task):
        assert accuracy_against_breadth(figures, SIMILAR) is None


@settings(max_examples=50, deadline=None)
@given(
    methods=st.lists(
        st.tuples(
            st.text("abc<&>'\" ", min_size=1, max_size=60),
            st.integers(1, 10**6),
            st.floats(0, 1),
        ),
        min_size=1,
        max_size=12,
        unique_by=lambda method: method[0],
    )
)
def test_everything_is_within_the_picture(methods: list[tuple[str, int, float]]) -> None:
    drawing = accuracy_against_breadth(
        figures_of(*((name, n, y, y / 2, min(1, 1.5 * y)) for name, n, y in methods)), SIMILAR
    )
    assert drawing is not None
    root = ET.fromstring(drawing)
    circles = list(root.iter(f"{SVG}circle"))
    assert len(circles) == len(methods)
    for circle in circles:
        assert 60 <= float(circle.attrib["cx"]) <= 690
        assert 40 <= float(circle.attrib["cy"]) <= 370
    assert len({circle.attrib["cy"] for circle in circles}) <= len({y for _, _, y in methods})


def test_names_do_not_cover_each_other() -> None:
    drawing = accuracy_against_breadth(
        figures_of(*((f"method {i}", 500, 0.3, 0.29, 0.31) for i in range(4))), SIMILAR
    )
    assert drawing is not None
    places = [
        (float(text.attrib["x"]), float(text.attrib["y"]))
        for text in ET.fromstring(drawing).iter(f"{SVG}text")
        if (text.text or "").startswith("method")
    ]
    for i, (x, y) in enumerate(places):
        for other_x, other_y in places[:i]:
            assert abs(x - other_x) > 40 or abs(y - other_y) >= 10
