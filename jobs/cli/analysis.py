"""The commands that answer an analyst: nothing is stored, nobody is told."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from forecaster.calendar import local_date
from forecaster.settings import Settings, from_environment
from forecaster.types import Ask, Panel, Step
from jobs import backtest as backtests
from jobs import bulk, neighbours, outlook, reckoning
from jobs import deliver as delivering
from jobs.cli.terminal import (
    AsOf,
    ConfigFile,
    Pace,
    Period,
    console,
    list_alerts,
    opened,
    parse_day,
    print_table,
    progress,
    say,
)
from jobs.executor import executor
from jobs.watch import Memory

app = typer.Typer()


def _panel_of(totals: Path, settings: Settings, period: Step | None, missing: bulk.Missing) -> Panel:
    with console(stderr=True).status(f"Reading {totals.name} …"):
        return bulk.read_totals(totals, settings, local_date(delivering.utc_now()), period, missing)


@app.command(epilog="Example: forecaster detect data/examples/herefordshire_referrals.csv --last 84 --output out.csv")
def detect(
    totals: Annotated[Path, typer.Argument(help="Totals CSV: week or month, measure, breakdowns, count, of.")],
    last: Annotated[int, typer.Option(help="How many of the newest periods to judge.", min=1)],
    output: Annotated[Path, typer.Option(help="CSV to write.")],
    alpha: Annotated[float, typer.Option(help="False alarms per series and period.", min=1e-9, max=0.5)] = 0.01,
    direction: Annotated[bulk.Side, typer.Option(help="up, down or both.")] = "up",
    detector: Annotated[
        bulk.Method | None, typer.Option(help="Judge by this one (default: surge for counts, drift for shares).")
    ] = None,
    missing: Annotated[bulk.Missing, typer.Option(help="What a gap in the file means: gap or zero.")] = "gap",
    period: Period = None,
    config: ConfigFile = None,
) -> None:
    """Judges every series of a totals CSV, each period from the periods before it; nothing is stored."""
    settings = from_environment(config)
    panel = _panel_of(totals, settings, period, missing)
    history = bulk.min_history(settings, panel.step)
    with console(stderr=True).status(f"Judging {len(panel.keys)} series …"):
        table = bulk.detect(panel, last, direction, alpha, history, (detector,) if detector else bulk.USUAL)
    bulk.write(table, output)
    missed = int((table["reason"] != "").sum())
    say(f"{output}: {len(table)} rows, {int(table['alarm'].sum())} alarms, {missed} not judged (see column reason).")


@app.command(
    name="neighbours",
    epilog="Example: forecaster neighbours E08000030 repeat_plans --as-of 2016-04-15 --value 17.2% --of 541",
)
def neighbours_command(
    code: Annotated[str, typer.Argument(help="ONS code of any council.")],
    measure: Annotated[str, typer.Argument(help="A measure with published figures, such as repeat_plans.")],
    value: Annotated[str | None, typer.Option(help="Its figure: 17.2%, or a rate per 10,000 children.")] = None,
    of: Annotated[float | None, typer.Option(help="Plans, referrals or children it is of.", min=1)] = None,
    year: Annotated[int | None, typer.Option(help="Ending 31 March; default: the one after the newest known.")] = None,
    neighbour: Annotated[list[str] | None, typer.Option(help="Instead of the Department's list; repeat it.")] = None,
    as_of: AsOf = None,
    config: ConfigFile = None,
) -> None:
    """Puts a figure beside the council's past, its neighbours and England where they are likely to be by then."""
    catalogue = from_environment(config).catalogue
    today = as_of or local_date(delivering.utc_now())
    found = neighbours.answer(
        code, measure, today, value=value, of=of, year=year, chosen=neighbour or (), catalogue=catalogue
    )
    print_table(found.title, neighbours.COLUMNS, found.rows)
    for sentence in found.sentences:
        say(sentence)


@app.command(name="outlook", epilog="Example: forecaster outlook --ends last-year   (or --ends 0.9: a tenth fewer)")
def outlook_command(as_of: AsOf = None, ends: Pace = None, starts: Pace = None, config: ConfigFile = None) -> None:
    """Says where the year ends on 31 March, how surely, what was said before, and what if; nothing is stored."""
    with opened(config) as (settings, store), progress("Looking ahead") as bar:
        now, levers = delivering.utc_now(), outlook.levers_of(starts, ends)
        found = outlook.answer(Memory.of(store), settings, as_of or local_date(now), now, levers, bar)
    say("\n".join(found.words))
    for table in found.tables:
        print_table(f"\n{table.title}", table.columns, table.rows)
    say("\n".join(found.notes))


@app.command(epilog="Example: forecaster forecast monthly.csv --horizon 6 --origin 2023-03-01 --output forecasts.csv")
def forecast(
    totals: Annotated[Path, typer.Argument(help="Totals CSV: week or month, measure, breakdowns, count.")],
    horizon: Annotated[int, typer.Option(help="Periods ahead.", min=1)],
    output: Annotated[Path, typer.Option(help="CSV to write.")],
    origin: Annotated[
        list[dt.date] | None, typer.Option(parser=parse_day, metavar="DATE", help="Last period seen; may be repeated.")
    ] = None,
    model: Annotated[bulk.Model, typer.Option(help="Default: all models, weighted by record.")] = "combined",
    missing: Annotated[bulk.Missing, typer.Option(help="What a gap in the file means: gap or zero.")] = "gap",
    period: Period = None,
    config: ConfigFile = None,
) -> None:
    """Writes forecast quantiles of every series of a totals CSV from one or several origins; nothing is stored."""
    settings = from_environment(config)
    panel = _panel_of(totals, settings, period, missing)
    title = f"Forecasting {len(panel.keys)} series"
    with progress(title) as bar, executor(settings.forecast) as work:
        ask = Ask((), horizon, work, tuple(item.regressor for item in settings.forecast.regressors))
        table, missed = bulk.forecast(panel, origin or [], model, ask, bulk.recipe_of(settings, panel.step), bar)
    bulk.write(table, output)
    say(f"{output}: {len(table)} rows; {len(missed)} series not forecast.")
    for item in missed[:5]:
        console(stderr=True).print(f"not forecast: {item.key}: {item.reason}", markup=False)


@app.command(epilog="Example: forecaster backtest --weeks 104 --forecasts said.csv --picture said.png")
def backtest(
    weeks: Annotated[int, typer.Option(help="How many past Mondays to replay.", min=1)] = 52,
    json: Annotated[Path | None, typer.Option("--json", help="Write the alerts here.")] = None,
    forecasts: Annotated[Path | None, typer.Option(help="CSV: all that was said and what came.")] = None,
    picture: Annotated[Path | None, typer.Option(help="PNG: what was said and what came.")] = None,
    config: ConfigFile = None,
) -> None:
    """Replays past Mondays as if live: what alerts there would have been, how good the forecasts; nothing is stored."""
    with opened(config) as (settings, store), progress(f"Replaying {weeks} Mondays") as bar:
        alerts, account = backtests.backtest(store, settings, weeks, bar)
    if json:
        backtests.write_json(alerts, settings.small_numbers.threshold, json)
    list_alerts(alerts, f"Alerts in {weeks} weeks")
    if rows := reckoning.rows(account, settings):
        print_table("\nWhat was said against what came", reckoning.COLUMNS, rows)
    for sentence in reckoning.sentences(account, settings):
        say(sentence)
    if forecasts:
        reckoning.write(account, settings, forecasts)
    if picture:
        reckoning.draw(account, settings, picture)


@app.command(epilog="Example: forecaster preview --config config/forecaster.toml changed.toml --weeks 52")
def preview(
    changed: Annotated[Path, typer.Argument(help="The config as it might become.")],
    weeks: Annotated[int, typer.Option(help="How many past Mondays to replay.", min=1)] = 52,
    config: ConfigFile = None,
) -> None:
    """Shows which past alerts a changed config would have added or dropped, before it goes live."""
    with opened(config) as (settings, store):
        knowledge, other = Memory.of(store), from_environment(changed)
        days = backtests.mondays(knowledge, weeks)
        found = []
        for title, choice in (("as it is", settings), ("as changed", other)):
            with progress(f"Replaying {weeks} Mondays, {title}") as bar:
                found.append(backtests.replay(knowledge, choice, days, bar))
    verdicts = list(backtests.compare(*found))
    for verdict in ("added", "dropped", "kept"):
        alerts = [alert for word, alert in verdicts if word == verdict]
        list_alerts(alerts, verdict.capitalize())
