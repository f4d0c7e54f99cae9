"""What every forecasting model promises, whatever its method."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from types import ModuleType

import numpy as np
import pytest
from made_panels import overdispersed, panel
from plug_ins import MODELS, name, with_another_future, with_stays
from scipy import stats

from forecaster.types import QUANTILES, Ask, Floats, Panel, SeriesKey

T, H = 182, 9
ORIGINS = (150, T)
LOW, MEDIAN, HIGH = (QUANTILES.index(q) for q in (0.025, 0.5, 0.975))
POOLS = {"levels"}  # the models that learn from the other series
every_model = pytest.mark.parametrize("model", MODELS, ids=name)
every_model_of_flows = pytest.mark.parametrize("model", [m for m in MODELS if "flow" in m.KINDS], ids=name)


def ask(*origins: int, horizon: int = H) -> Ask:
    return Ask(origins, horizon)


@cache
def some_council() -> Panel:
    return with_stays(length=T)


@cache
def found_by(model: ModuleType) -> Floats:
    """Its quantiles of that council: S x 2 x H x Q."""
    found: Floats = model.predict(some_council(), ask(*ORIGINS))
    return found


def answered(model: ModuleType, some: Panel) -> list[int]:
    """The series that a model owes an answer on: of its kinds, and with stays behind them if it needs those."""
    known = some.stays.stocks if some.stays else {}
    needs_stays = model.KINDS == ("stock",)
    return [i for i in np.flatnonzero(some.is_kind(*model.KINDS)) if not needs_stays or some.keys[i].measure in known]


def with_counts(some: Panel, count: Floats) -> Panel:
    return replace(some, count=count, capped=count)


def test_the_models_that_the_service_combines_are_there() -> None:
    assert {name(model) for model in MODELS} >= {"levels", "counts", "prophet", "cohort"}


@every_model
def test_a_model_is_called_what_its_file_is_called(model: ModuleType) -> None:
    assert name(model) == model.NAME


@every_model
def test_a_model_says_which_kinds_of_series_it_forecasts(model: ModuleType) -> None:
    assert model.KINDS
    assert set(model.KINDS) <= {"flow", "stock", "share"}


@every_model
def test_there_is_a_quantile_for_every_series_origin_period_and_level(model: ModuleType) -> None:
    found = found_by(model)
    assert found.shape == (len(some_council().keys), len(ORIGINS), H, len(QUANTILES))
    assert np.isfinite(found[answered(model, some_council())]).all()


@every_model
def test_a_series_is_forecast_whole_or_not_at_all(model: ModuleType) -> None:
    known = np.isfinite(found_by(model))
    assert np.array_equal(known.all((2, 3)), known.any((2, 3)))


@every_model
def test_quantiles_rise_with_their_level_and_are_never_negative(model: ModuleType) -> None:
    values = found_by(model)[answered(model, some_council())]
    assert (np.diff(values, axis=-1) >= 0).all()
    assert (values >= 0).all()


@every_model
def test_medians_are_where_the_series_is(model: ModuleType) -> None:
    rows = answered(model, some_council())
    recent = some_council().count[rows, -26:].mean(1)
    assert found_by(model)[rows, 1, :, MEDIAN].mean(1) == pytest.approx(recent, rel=0.4, abs=0.7)


@every_model
def test_the_same_input_gives_the_same_numbers(model: ModuleType) -> None:
    assert np.array_equal(model.predict(with_stays(length=T), ask(*ORIGINS)), found_by(model), equal_nan=True)


@every_model
def test_nothing_is_known_of_what_came_after_an_origin(model: ModuleType) -> None:
    other = with_another_future(some_council(), ORIGINS[0])
    assert not np.array_equal(other.count, some_council().count, equal_nan=True)
    assert np.array_equal(model.predict(other, ask(ORIGINS[0])), found_by(model)[:, :1], equal_nan=True)


@every_model
def test_several_origins_at_once_are_each_as_alone_from_the_panel_that_ended_there(model: ModuleType) -> None:
    for at, origin in enumerate(ORIGINS):
        alone = model.predict(some_council().until(origin), ask(origin))
        assert np.array_equal(alone[:, 0], found_by(model)[:, at], equal_nan=True)


@every_model
def test_the_order_of_the_origins_is_that_of_the_answers(model: ModuleType) -> None:
    found = model.predict(some_council(), ask(*ORIGINS[::-1]))
    assert np.array_equal(found, found_by(model)[:, ::-1], equal_nan=True)


@every_model_of_flows
def test_a_longer_horizon_does_not_move_the_nearer_periods(model: ModuleType) -> None:
    found = model.predict(some_council(), ask(T, horizon=H + 5))
    assert found[:, 0, :4] == pytest.approx(found_by(model)[:, 1, :4], rel=0.02, abs=1, nan_ok=True)


@every_model
def test_the_order_of_the_series_does_not_matter(model: ModuleType) -> None:
    order = np.random.default_rng(4).permutation(len(some_council().keys))
    found = model.predict(some_council().select(order), ask(*ORIGINS))
    assert found == pytest.approx(found_by(model)[order], rel=1e-6, nan_ok=True)


@every_model
def test_another_series_changes_nothing_unless_the_model_pools(model: ModuleType) -> None:
    rows = [i for i, key in enumerate(some_council().keys) if key != SeriesKey("referrals")]
    alone, among = model.predict(some_council().select(rows), ask(T))[:, 0], found_by(model)[rows, 1]
    alike = np.allclose(alone, among, equal_nan=True)
    assert alike is (name(model) not in POOLS)
    assert alone[..., MEDIAN] == pytest.approx(among[..., MEDIAN], rel=0.1, abs=2, nan_ok=True)


@every_model
def test_a_missing_stretch_is_bridged(model: ModuleType) -> None:
    rows = answered(model, some_council())
    count = some_council().count.copy()
    count[:, 100:106] = np.nan
    found = model.predict(with_counts(some_council(), count), ask(T))[rows, 0]
    assert np.isfinite(found).all()
    assert found[..., MEDIAN] == pytest.approx(found_by(model)[rows, 1, :, MEDIAN], rel=0.25, abs=2)


@every_model
def test_a_series_that_begins_late_is_forecast_beside_older_ones(model: ModuleType) -> None:
    """It has been counted for a little over two years; the others for longer."""
    rows = answered(model, some_council())
    count = some_council().count.copy()
    count[rows[0], : T - 110] = np.nan
    found = model.predict(with_counts(some_council(), count), ask(T))[rows, 0]
    assert np.isfinite(found).all()
    assert (np.diff(found, axis=-1) >= 0).all()
    assert found[0, :, MEDIAN] == pytest.approx(found_by(model)[rows[0], 1, :, MEDIAN], rel=0.4, abs=3)


@every_model
def test_a_typing_error_of_a_million_does_not_poison_other_series(model: ModuleType) -> None:
    rows = answered(model, some_council())
    count = some_council().count.copy()
    count[rows[0], [90, 160]] = 1e6
    found = model.predict(with_counts(some_council(), count), ask(T))[rows[1:], 0]
    usual = found_by(model)[rows[1:], 1]
    assert found[..., MEDIAN] == pytest.approx(usual[..., MEDIAN], rel=0.1, abs=2)
    assert found[..., HIGH] == pytest.approx(usual[..., HIGH], rel=0.35, abs=4)


@every_model_of_flows
def test_tiny_counts_are_forecast_tiny(model: ModuleType) -> None:
    counts = np.random.default_rng(2).poisson(0.7, (3, T)).astype(float)
    found = model.predict(panel(counts), ask(T))
    assert found[..., LOW].max() == 0
    assert found[..., MEDIAN].max() <= 2
    assert 1.5 <= found[..., HIGH].mean() <= 6


@every_model
def test_months_are_forecast_too(model: ModuleType) -> None:
    some = with_stays(length=60, step="month")
    rows = answered(model, some)
    found = model.predict(some, ask(60, horizon=4))[rows, 0]
    assert np.isfinite(found).all()
    assert found[..., MEDIAN] == pytest.approx(np.repeat(some.count[rows, -9:].mean(1), 4).reshape(-1, 4), rel=0.5)


@every_model
def test_no_series_and_no_origins_are_empty_answers(model: ModuleType) -> None:
    some = some_council()
    levels = len(QUANTILES)
    assert model.predict(some.select([]), ask(T)).shape == (0, 1, H, levels)
    assert model.predict(some, ask()).shape == (len(some.keys), 0, H, levels)


@every_model
def test_other_kinds_are_not_forecast(model: ModuleType) -> None:
    counts = np.random.default_rng(3).poisson(9, (3, T)).astype(float)
    some = panel(counts, ("flow", "stock", "share"), of=[np.full(T, np.nan), np.full(T, np.nan), counts[2] * 4])
    ours = some.select(np.flatnonzero(some.is_kind(*model.KINDS)))
    assert model.predict(ours, ask(T)).shape[0] == len(ours.keys)


def nasty(kind: str) -> Floats:
    """Two years and a half of what no model was made for."""
    rng = np.random.default_rng(5)
    return {
        "never seen": np.full((2, 130), np.nan),
        "never anything": np.zeros((2, 130)),
        "constant": np.full((2, 130), 7.0),
        "seen once": np.where(np.arange(130) == 60, 5.0, np.full((2, 130), np.nan)),
        "huge": rng.poisson(4e8, (2, 130)).astype(float),
        "a lone million": np.where(np.arange(130) == 129, 1e6, rng.poisson(3, (2, 130))),
        "newest missing": np.where(np.arange(130) > 110, np.nan, rng.poisson(9, (2, 130))),
        "every other missing": np.where(np.arange(130) % 2, np.nan, rng.poisson(9, (2, 130))),
        "began with nothing": np.where(np.arange(130) < 100, 0.0, rng.poisson(9, (2, 130))),
        "ended with nothing": np.where(np.arange(130) > 60, 0.0, rng.poisson(9, (2, 130))),
        "not whole": rng.gamma(2, 3, (2, 130)),
        "one among ordinary": np.vstack([np.full(130, np.nan), np.zeros(130), rng.poisson(9, 130)]),
    }[kind]  # fmt: skip


NASTY = (
    "never seen", "never anything", "constant", "seen once", "huge", "a lone million", "newest missing",
    "every other missing", "began with nothing", "ended with nothing", "not whole", "one among ordinary",
)  # fmt: skip


def sound(values: Floats) -> bool:
    """NaN where nothing is said, otherwise a forecast: finite, rising and not negative."""
    said = values[np.isfinite(values).all((2, 3))]
    rest = values[~np.isfinite(values).all((2, 3))]
    return bool(np.isnan(rest).all() and (np.diff(said, axis=-1) >= 0).all() and (said >= 0).all())


@every_model
@pytest.mark.parametrize("kind", NASTY)
def test_whatever_it_is_given_it_answers_or_says_nothing(model: ModuleType, kind: str) -> None:
    for shape in model.KINDS:
        found = model.predict(panel(nasty(kind), shape), ask(60, 130, horizon=4))
        assert sound(found)
        if kind == "never seen":
            assert np.isnan(found).all()


@every_model
@pytest.mark.parametrize("length", [1, 2, 13, 53, 104])
def test_a_short_history_is_no_error_and_a_horizon_may_be_longer(model: ModuleType, length: int) -> None:
    some = with_stays(length=max(length, 30)).until(length)
    assert sound(model.predict(some, ask(length, horizon=length + 5)))


DISPERSION = {0.5: 1.5, 5.0: 1.5, 60.0: 3.0}  # by weekly mean
# series to ask for, and by how much their 95% band may hold less and more; an 80% band by twice that
BANDS = {"levels": (200, 0.012, 0.015), "counts": (200, 0.02, 0.02), "prophet": (24, 0.08, 0.04)}


def steady(mean: float, series: int, length: int, shifting: bool = False) -> Floats:
    """Overdispersed counts about one level; or about one that steps by a third at any time, seldom."""
    rng = np.random.default_rng([7, round(10 * mean), shifting])
    steps = rng.choice([0.0, -0.3, 0.3], (series, length), p=[1 - 2 / 156, 1 / 156, 1 / 156])
    level = mean * np.exp(np.cumsum(steps, axis=1) if shifting else 0 * steps)
    return overdispersed(rng, level, DISPERSION[mean], (series, length))


def covered(model: ModuleType, counts: Floats, known: int, low: float, high: float) -> float:
    ahead = counts[:, known:]
    found = model.predict(panel(counts), ask(known, horizon=ahead.shape[1]))[:, 0]
    lower, upper = (found[..., QUANTILES.index(q)] for q in (low, high))
    return float(np.mean((ahead >= lower) & (ahead <= upper)))


def of_whole_numbers(mean: float, low: float, high: float) -> float:
    """What the band between two quantiles of the very distribution that `steady` draws from holds."""
    dispersion = DISPERSION[mean]
    counts = stats.nbinom(mean / (dispersion - 1), 1 / dispersion)
    return float(counts.cdf(counts.ppf(high)) - counts.cdf(counts.ppf(low) - 1))


@pytest.mark.parametrize("shifting", [False, True], ids=["steady", "shifting"])
@pytest.mark.parametrize("mean", DISPERSION)
@every_model_of_flows
def test_bands_hold_what_they_promise(model: ModuleType, mean: float, shifting: bool) -> None:
    """A band of whole numbers must hold more than its level, more so the fewer they are."""
    series, less, more = BANDS[name(model)]
    counts = steady(mean, series, 208 + 13, shifting)
    for low, high in ((0.025, 0.975), (0.1, 0.9)):
        slack = 2 if high < 0.95 else 1
        holds = covered(model, counts, 208, low, high)
        assert high - low - slack * less < holds < of_whole_numbers(mean, low, high) + slack * more


@every_model
def test_every_model_s_band_holds_most_of_what_comes(model: ModuleType) -> None:
    """Of every series it is made for."""
    some = with_stays(seed=7, length=T + 13)
    rows = answered(model, some)
    lower, upper = model.predict(some, ask(T, horizon=13))[rows, 0][..., [LOW, HIGH]].transpose(2, 0, 1)
    assert ((some.count[rows, T:] >= lower) & (some.count[rows, T:] <= upper)).mean() >= 0.8
