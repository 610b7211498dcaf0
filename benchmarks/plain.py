"""How much righter the lists are than those of plain parts, put together by a short search.

    python benchmarks/plain.py --catalogue films.parquet --movielens ml-release

How high NDCG@10 is depends on who judges; how much higher than that of another method far less. So
here stands what anybody would try first, asked the same questions:

- without ratings: a weighted sum of the fields' cosines, times exp(-years apart / 15), an
  exponential of the rating and log(1 + votes) to the power of 1, 2 or 3. The weights are the best
  of some drawn at random, by the same people who judge afterwards, which flatters them;
- with ratings: co-likes by the cosine, shrunk by c / (c + s) for c people who like both, and beside
  them a share of what stands above. Of all s and shares the best for the judges is shown, which
  flatters them too.

At last everybody judges, of films that 20 people like, without ratings to learn from: what is right
is then least a matter of chance. Ours was fitted on the same people, as was the plain method.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from rated import named, ndcg_of
from scipy import sparse

from movie_assets.recommender import MovieFeatures, fit_features, load_weights
from movie_assets.recommender.evaluation.catalogue import Catalogue
from movie_assets.recommender.evaluation.methods import Evaluated
from movie_assets.recommender.evaluation.ratings import Ratings, split_people
from movie_assets.recommender.evaluation.truth import Truth, co_liked_truth
from movie_assets.recommender.ranking import shrunk_rating
from movie_assets.recommender.weights import FIELDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: NDCG@10 and the number of different films, by method.
Figures = dict[str, tuple[float, float]]

LENGTH, DRAWN, ASKED = 10, 60, 400
POWERS = (1.0, 2.0, 3.0)
SHRINKAGES, SHARES = (10.0, 20.0, 40.0, 80.0), (0.0, 0.3, 0.6, 1.0)
MANY_LIKES = 20
SPLITS = {"half": ((0.5, 0),), "fifth": tuple((0.2, seed) for seed in range(5))}


@dataclass(frozen=True)
class Plain:
    """Weights of the plain method: of fields, of the rating, and the power of votes."""

    fields: NDArray[np.float32]
    rating: float
    power: float


class Questions:
    """Films asked about by all candidates, in the parts that a plain score is made of."""

    def __init__(self, features: MovieFeatures, truth: Truth) -> None:
        self.truth, self.features = truth, features
        self.candidates = np.flatnonzero(features.votes > 0)
        blocks = [
            features.matrix[:, features.columns_of(name)]
            for name in FIELDS
            if name in features.fields and name != "floor"
        ]
        self.likeness = np.stack([self._cosines(block) for block in blocks])
        years = features.years.astype(np.float32)
        rows, columns = years[truth.seeds][:, None], years[self.candidates]
        apart = np.where((rows > 0) & (columns > 0), np.abs(rows - columns), 30)
        self.closeness = np.exp(-apart / 15).astype(np.float32)
        self.closeness[truth.seeds[:, None] == self.candidates] = 0

    def _cosines(self, block: sparse.csr_matrix) -> NDArray[np.float32]:
        lengths = np.sqrt(np.asarray(block.multiply(block).sum(axis=1)).ravel())
        scale = sparse.diags((1 / np.maximum(lengths, 1e-9)).astype(np.float32))
        rows = (scale @ block).tocsr()
        found: NDArray[np.float32] = (rows[self.truth.seeds] @ rows[self.candidates].T).toarray()
        return found

    def scores(self, plain: Plain) -> NDArray[np.float32]:
        """Of each film asked about with each candidate."""
        votes = np.log1p(self.features.votes[self.candidates]) ** plain.power
        rating = shrunk_rating(self.features, load_weights())[self.candidates]
        prior = (votes * np.exp(plain.rating * rating)).astype(np.float32)
        found: NDArray[np.float32] = np.tensordot(plain.fields, self.likeness, 1)
        return found * self.closeness * prior

    def measured(self, scores: NDArray[np.float32]) -> tuple[float, int]:
        """NDCG@10 and the number of different films of the best by some scores."""
        best = np.argpartition(-scores, LENGTH, axis=1)[:, :LENGTH]
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
        lists = self.candidates[np.take_along_axis(best, order, axis=1)].astype(np.int32)
        return ndcg_of(lists, self.truth.relevant), len(np.unique(lists))

    def co_likes(self, training: Ratings, shrinkage: float) -> NDArray[np.float32]:
        """The shrunk cosine, in parts of each film's largest."""
        liked = training.where(training.liked & (training.films >= 0))
        _, people = np.unique(liked.users, return_inverse=True)
        likes = sparse.csr_matrix(
            (np.ones(len(people), np.float32), (people, liked.films)),
            (int(people.max()) + 1, self.features.n_movies),
        )
        both = (likes.T.tocsr()[self.truth.seeds] @ likes).toarray()[:, self.candidates]
        both[self.truth.seeds[:, None] == self.candidates] = 0
        likers = np.bincount(likes.indices, minlength=self.features.n_movies)
        expected = np.sqrt(likers[self.truth.seeds][:, None] * likers[self.candidates])
        return parts_of_best(both / np.maximum(expected, 1) * both / (both + shrinkage))


def parts_of_best(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each row in parts of its largest."""
    found: NDArray[np.float32] = scores / np.maximum(scores.max(axis=1, keepdims=True), 1e-9)
    return found.astype(np.float32)


def searched(questions: Questions, power: float) -> Plain:
    """The best weights of some drawn at random, half of them near the best before."""
    random, best, most = np.random.default_rng(0), None, -1.0
    n_fields = len(questions.likeness)
    for drawn in range(DRAWN):
        if best is None or drawn < DRAWN // 2:
            fields, rating = random.lognormal(0, 0.8, n_fields), random.uniform(0, 0.8)
        else:
            fields = best.fields * random.lognormal(0, 0.25, n_fields)
            rating = max(0.0, best.rating + random.normal(0, 0.1))
        tried = Plain(fields.astype(np.float32), float(rating), power)
        ndcg, _ = questions.measured(questions.scores(tried))
        if ndcg > most:
            best, most = tried, ndcg
    assert best is not None
    return best


def without_ratings(questions: Questions, tried: list[Plain], ours: Evaluated) -> Figures:
    """NDCG@10 and different films of each method that knows of no ratings."""
    found: Figures = {
        f"plain, votes^{plain.power:.0f}": questions.measured(questions.scores(plain))
        for plain in tried
    }
    places = {"ours, hidden gems": 0.0, "ours": None, "ours, crowd favourites": 1.0}
    for name, place in places.items():
        found[name] = judged(questions, ours.similar(questions.truth.seeds, LENGTH, place))
    return found


def with_ratings(questions: Questions, plain: Plain, training: Ratings, ours: Evaluated) -> Figures:
    """The same of those that learn from ratings."""
    content = parts_of_best(questions.scores(plain))
    co_likes = [questions.co_likes(training, shrinkage) for shrinkage in SHRINKAGES]
    blends = (by_likes + share * content for by_likes in co_likes for share in SHARES)
    lists = ours.similar(questions.truth.seeds, LENGTH, with_ratings=True)
    return {
        "plain co-likes": max(map(questions.measured, co_likes)),
        "plain + plain co-likes": max(map(questions.measured, blends)),
        "ours + MovieLens": judged(questions, lists),
    }


def judged(questions: Questions, lists: NDArray[np.int32]) -> tuple[float, int]:
    """NDCG@10 and the number of different films."""
    return ndcg_of(lists, questions.truth.relevant), len(np.unique(lists[lists >= 0]))


def show(who: str, measured: list[Figures], n_seeds: list[int]) -> None:
    """Print the means over some splits."""
    print(f"\n{who} judge: {np.mean(n_seeds):,.0f} films asked about")
    print(f"{'':24}NDCG@10  films")
    for method in measured[0]:
        ndcg, n_different = np.mean([rows[method] for rows in measured], axis=0)
        print(f"{method:24}{ndcg:7.3f}  {n_different:5,.0f}")


def main() -> None:
    """Measure and print."""
    rated = named(__doc__.splitlines()[0])
    if rated is None:
        return
    films, ratings = rated
    weights, n_films = load_weights(), len(films)
    alike = weights.model_copy(update={"fields": dict.fromkeys(FIELDS, 1.0)})
    features = fit_features(films, alike)
    everybody = co_liked_truth(ratings, n_films)
    asked = np.sort(np.random.default_rng(0).permutation(len(everybody.seeds))[:ASKED])
    some = Truth(everybody.seeds[asked], everybody.relevant[asked])
    questions = Questions(features, some)
    tried = [searched(questions, power) for power in POWERS]
    catalogue = Catalogue.of(films)
    for name, splits in SPLITS.items():
        measured, n_seeds = [], []
        for judges, seed in splits:
            training, held_out = split_people(ratings, seed, judges)
            questions = Questions(features, co_liked_truth(held_out, n_films))
            ours = Evaluated(catalogue, weights, training)
            rows = without_ratings(questions, tried, ours)
            measured.append(rows | with_ratings(questions, tried[1], training, ours))
            n_seeds.append(len(questions.truth.seeds))
        show(f"{name} of the people", measured, n_seeds)
    questions = Questions(features, co_liked_truth(ratings, n_films, MANY_LIKES))
    rows = without_ratings(questions, tried, Evaluated(catalogue, weights))
    show("all people, of films with 20 likes,", [rows], [len(questions.truth.seeds)])


if __name__ == "__main__":
    main()
