"""The recommender's weights: everything about it that was fitted, in one readable file.

``weights.json`` beside this module is written by ``movie-assets fit``; what a weight is stands
here, and what each gained in ``docs/quality.md``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

#: The file that comes with the package.
BUNDLED = Path(__file__).with_name("weights.json")

FieldName = Literal[
    "text", "genres", "keywords", "directors", "writers", "actors", "collection", "decade",
    "language", "floor",
]  # fmt: skip
#: The fields that films are compared by, in the order of their columns.
FIELDS: tuple[FieldName, ...] = (
    "text", "genres", "keywords", "directors", "writers", "actors", "collection", "decade",
    "language", "floor",
)  # fmt: skip

_Weight = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]
_AboveZero = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]
_Number = Annotated[float, Field(ge=-1000, le=1000, allow_inf_nan=False)]


_NOTHING_COUNTS = "at least one field must have a weight above 0"


class WeightsError(Exception):
    """A file of weights is missing, or is not one."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Closeness(_Part):
    """How much less a film counts the further it is from the one asked for.

    Attributes:
        years: c of exp(-c sqrt(d / 15)) for release years that are d apart.
        newer: what is added to that c for a film that is the newer of the two.
        known: c of exp(-c d) for a film whose ln(1 + votes) is d less; one that has more loses
            nothing.
        fame: c of exp(-c a b) where ln(1 + votes) is a above 9 for the film, and b below 11 for the
            one asked about: the less that is known, the less fame counts. No distance: even a
            film and itself may have less than 1.
        rating: c of exp(-c d) for ratings (0 to 10) that are d apart.
        audience: c of exp(-c d) for films for different people (families, grown-ups,
            horror, documentaries), d apart as ``ranking`` has it.
    """

    years: _Weight
    # A file from before there were these two says nothing of them.
    newer: _Weight = 0.0
    known: _Weight
    fame: _Weight = 0.0
    rating: _Weight
    audience: _Weight


class Prior(_Part):
    """How much a film counts whatever it is compared with: exp of a sum, its largest made 1.

    Attributes:
        votes: times ln(1 + votes).
        fame: times what ln(1 + votes) is more than 9 (some 8,100 votes).
        rating: times the rating above :attr:`rating_mean`.
        era: times the years since 1990, in units of 15.
        era_votes: times both the last and ln(1 + votes) - 7: votes of a young site favour young
            films, and this takes it back.
        rating_mean: the rating that a film without votes is taken to have, 0 to 10.
        rating_votes: with how many votes it counts beside the film's own (a Bayesian mean).
    """

    votes: _Number
    # A file from before there was fame says nothing of it.
    fame: _Number = 0.0
    rating: _Number
    era: _Number
    era_votes: _Number
    rating_mean: Annotated[float, Field(ge=0, le=10)] = 6.5
    rating_votes: _Weight = 50.0


class Gems(_Part):
    """What the popularity dial's lower end brings: films that few know and that those few like.

    It falls off from there to nothing in the dial's middle.

    Attributes:
        rating: the exponent of the rating's part of the prior, where that of votes and era is 0.
        fame: c of exp(-c d) for what people like (signals, item weights, transitions) of a film
            whose ln(1 + votes) is d more than that of 100 votes.
    """

    rating: _Weight
    fame: _Weight


class Blend(_Part):
    """The shares that other signals have in a score, where a film has them; content has the rest.

    Attributes:
        co_liked: films that the same people like (MovieLens).
        tmdb: TMDB's own recommendations.
    """

    co_liked: Annotated[float, Field(ge=0, le=1)]
    tmdb: Annotated[float, Field(ge=0, le=1)]

    @model_validator(mode="after")
    def _leave_something_to_content(self) -> Blend:
        if self.co_liked + self.tmdb >= 1:
            raise ValueError("the shares must add up to less than 1")
        return self


class Profile(_Part):
    """How a person's films are put together.

    Attributes:
        sharpness: the power to which a film's scores are raised before it shares out its vote.
        dislike: how much a disliked film counts against those like it, a liked one being 1.
        half_life: after how many younger ratings one counts half.
        item_weights: what the learned item weights are times, where there are some; the best of
            content is 1.
        transitions: what transitions are times, where there are some.
        last_half_life: for transitions: after how many younger ratings one counts half.
    """

    sharpness: _Weight
    dislike: _Weight
    half_life: Annotated[float, Field(gt=0)]
    item_weights: _Weight
    # A file from before there were transitions says nothing of them.
    transitions: _Weight = 0.0
    last_half_life: Annotated[float, Field(gt=0)] = 2.0


class Weights(_Part):
    """All of them.

    Attributes:
        format: of the file.
        fields: what each field counts; made to add up to 1 where they are used.
        genres: by name, what a genre's rarity is times; 1 for any other.
        closeness: of two films.
        prior: of one film.
        popularity: the exponent of the prior (and of closeness by votes) in the middle of the
            popularity dial, whose ends are 0 (hidden gems) and 1 (crowd favourites).
        gems: what else changes towards the dial's lower end.
        blend: of content and what people liked.
        profile: of a person's films.
        fitted_on: what the weights were fitted on, in words and numbers.
    """

    format: Literal[1] = 1
    fields: dict[FieldName, _Weight]
    # A file from before genres had weights says nothing of them.
    genres: dict[str, _AboveZero] = Field(default_factory=dict)
    closeness: Closeness
    prior: Prior
    popularity: Annotated[float, Field(ge=0, le=1)]
    # A file from before there were gems says nothing of them.
    gems: Gems = Gems(rating=0, fame=0)
    blend: Blend
    profile: Profile
    fitted_on: dict[str, Any] = Field(default_factory=dict)

    @field_validator("fields")
    @classmethod
    def _compare_by_something(cls, fields: dict[FieldName, float]) -> dict[FieldName, float]:
        if not sum(fields.values()) > 0:
            raise ValueError(_NOTHING_COUNTS)
        return fields

    def shares(self) -> dict[FieldName, float]:
        """The fields' weights, adding up to 1.

        Raises:
            ValueError: where all are 0.
        """
        total = sum(self.fields.values())
        if not total > 0:
            raise ValueError(_NOTHING_COUNTS)
        return {name: self.fields.get(name, 0.0) / total for name in FIELDS}


def load_weights(path: Path = BUNDLED) -> Weights:
    """Read weights.

    Raises:
        WeightsError: where the file is missing or says something else.
    """
    try:
        return Weights.model_validate_json(path.read_bytes())
    except OSError as error:
        raise WeightsError(f"The weights {path} cannot be read: {error.strerror}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise WeightsError(
            f"The weights {path} cannot be used: {where or 'the file'}: {first['msg']}. Write them "
            "anew with: movie-assets fit"
        ) from None


def save_weights(weights: Weights, path: Path) -> None:
    """Write weights as readable JSON, replacing the file at once.

    Raises:
        OSError: where it cannot be written; the old file is then still there.
    """
    draft = path.with_name(f".{path.name}.draft")
    try:
        draft.write_text(json.dumps(weights.model_dump(), indent=2) + "\n", encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
