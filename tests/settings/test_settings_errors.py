"""What is told of wrong settings: one line that names file, key and remedy."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from config_files import MINE, loaded, told, written

from forecaster.settings import SettingsError
from forecaster.types import Detector


class TestWrongKeys:
    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("[councl]\n", 'unknown key "councl"; did you mean "council"?'),
            (
                "[detection]\nfalse_alarms_per_year = 6\n",
                '[detection]: unknown key "false_alarms_per_year"; did you mean "false_alerts_per_year"?',
            ),
            ("[detection]\nhorizon_weeks = 6\n", '[detection]: unknown key "horizon_weeks"; it belongs in "forecast"'),
            ('name = "Walsall"\n', 'unknown key "name"; it belongs in "council"'),
            ("[small_numbers]\nzzz = 6\n", '[small_numbers]: unknown key "zzz"; use one of threshold'),
            (
                '[[targets]]\nname = "a"\nchanel = "slack"\n',
                '[[targets]] 1: unknown key "chanel"; did you mean "channel"?',
            ),
            (
                '[[routes]]\nto = ["console"]\n[[routes]]\ntoo = ["console"]\n',
                '[[routes]] 2: unknown key "too"; did you mean "to"?',
            ),
        ],
    )
    def test_a_wrong_key_is_told_the_right_one_of_its_table(self, here: Path, text: str, line: str) -> None:
        assert told(here, text) == line

    def test_a_secret_in_the_file_is_not_repeated(self, here: Path) -> None:
        line = told(here, 'slack_bot_token = "xoxb-secret"\n')
        assert line.startswith('unknown key "slack_bot_token"')
        assert "xoxb" not in line


class TestWrongValues:
    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ('[detection]\ncalm_periods = "four"\n', '[detection] calm_periods: must be a whole number, not "four"'),
            ('[detection]\ncalm_periods = "4"\n', '[detection] calm_periods: must be a whole number, not "4"'),
            ("[detection]\ncalm_periods = 4.5\n", "[detection] calm_periods: must be a whole number, not 4.5"),
            ("[detection]\ncalm_periods = 0\n", "[detection] calm_periods: must be greater than or equal to 1, not 0"),
            (
                "[detection]\nfalse_alerts_per_year = nan\n",
                "[detection] false_alerts_per_year: must be a finite number, not NaN",
            ),
            ("[council]\nname = 5\n", "[council] name: must be text in quotes, not 5"),
            (
                '[detection]\ndetectors = ["surge", "farringdon"]\n',
                '[detection] detectors 2: unknown value "farringdon"; did you mean "farrington"?',
            ),
            (
                '[detection]\ndetectors = ["cusum"]\n',
                '[detection] detectors 1: unknown value "cusum"; use one of ' + ", ".join(get_args(Detector)),
            ),
            ("council = 5\n", "[council]: must be a table, not 5"),
            ("[council]\nname = 2018-01-01\nneighbours = true\n", "[council] neighbours: must be a list, not true"),
            ("[inbox]\nmax_reject_share = 50\n", "[inbox] max_reject_share: must be less than or equal to 1, not 50"),
            ('[council]\ncode = "Walsall"\n', '[council] code: must be an ONS code such as "E06000019", not "Walsall"'),
            (
                '[council]\nneighbours = ["E06000019", "E1"]\n',
                '[council] neighbours 2: must be an ONS code such as "E06000019", not "E1"',
            ),
            (
                '[schedule]\nwatch = "monday 7am"\n',
                '[schedule] watch: must be a day and a time such as "mon 07:00", not "monday 7am"',
            ),
            (
                '[schedule]\nwatch = "mon 24:00"\n',
                '[schedule] watch: must be a day and a time such as "mon 07:00", not "mon 24:00"',
            ),
            (
                '[schedule]\ntimezone = "London"\n',
                '[schedule] timezone: must be a time zone such as "Europe/London", not "London"',
            ),
            ('[[targets]]\nname = "a"\n', "[[targets]] 1 channel: is missing"),
            (
                '[[routes]]\nto = ["console"]\nseverity = "hihg"\n',
                '[[routes]] 1 severity: unknown value "hihg"; did you mean "high"?',
            ),
        ],
    )
    def test_a_wrong_value_is_told_its_place_and_what_is_right(self, here: Path, text: str, line: str) -> None:
        assert told(here, text) == line

    def test_a_route_to_nowhere_is_refused(self, here: Path) -> None:
        assert told(here, "[[routes]]\nto = []\n").startswith("[[routes]] 1 to: ")

    def test_a_service_without_detectors_is_refused(self, here: Path) -> None:
        assert told(here, "[detection]\ndetectors = []\n").startswith("[detection] detectors: ")

    @pytest.mark.parametrize("text", ["[council\n", "[council]\nname\n", '[council]\nname = "a"\nname = "b"\n'])
    def test_wrong_toml_is_told_its_line(self, here: Path, text: str) -> None:
        line = told(here, text)
        assert line.startswith("not valid TOML: ")
        assert f"line {text.count(chr(10))}," in line


class TestNames:
    ROUTE = '[[routes]]\nmeasures = ["{measure}"]\nto = ["{target}"]\n'

    def test_a_route_to_an_unknown_target_is_told_the_nearest(self, here: Path) -> None:
        line = told(here, self.ROUTE.format(measure="*", target="managrs"))
        assert line == '[[routes]] 1 to: unknown target "managrs"; did you mean "managers"?'

    def test_a_route_for_an_unknown_measure_is_told_the_nearest(self, here: Path) -> None:
        line = told(here, self.ROUTE.format(measure="plan_start", target="console"))
        assert line == '[[routes]] 1 measures: unknown measure "plan_start"; did you mean "plan_starts"?'

    def test_an_unknown_measure_for_prophet_is_told_the_nearest(self, here: Path) -> None:
        line = told(here, '[forecast]\nprophet = ["refferals"]\n')
        assert line == '[forecast] prophet: unknown measure "refferals"; did you mean "referrals"?'

    def test_a_cluster_needs_its_address(self, here: Path) -> None:
        assert told(here, '[forecast]\nexecutor = "dask"\n') == (
            '[forecast]: executor = "dask" needs dask_address, such as "tcp://dask-scheduler:8786"'
        )

    @pytest.mark.parametrize(
        ("wrong", "line"),
        [
            (
                "to = 2020-03-01",
                '[forecast] regressors 1: "lockdown" must end (to) on or after the day it begins (from)',
            ),
            ("until = 2020-07-04", '[forecast] regressors 1: unknown key "until"; use one of name, from, to, measures'),
            (
                'to = 2020-07-04\nmeasures = ["referals"]',
                '[[forecast.regressors]] 1 measures: unknown measure "referals"; did you mean "referrals"?',
            ),
        ],
    )
    def test_a_wrong_regressor_is_told_what_is_right(self, here: Path, wrong: str, line: str) -> None:
        text = f'[[forecast.regressors]]\nname = "lockdown"\nfrom = 2020-03-23\n{wrong}\n'
        assert told(here, text) == line

    def test_two_targets_of_one_name_are_refused(self, here: Path) -> None:
        line = told(here, '[[targets]]\nname = "a"\nchannel = "console"\n' * 2)
        assert line == '[[targets]] two are named "a"; give each its own name'


class TestMeasures:
    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("", "should have at least 1 item after validation, not 0"),
            (MINE.replace("event", "evnt"), '[mine]: unknown key "evnt"; did you mean "event"?'),
            (
                MINE.replace('"referral"', '"referal"'),
                '[mine] event: unknown event "referal"; did you mean "referral"?',
            ),
            (MINE.replace("flow", "floww"), '[mine] kind: unknown value "floww"; did you mean "flow"?'),
            (MINE + "opens = 'plan_start'", '[mine]: a flow takes no "opens"'),
            (MINE + "one_of = ['a']", '[mine]: unknown key "one_of"; it belongs in "where"'),
            (MINE + "where = [{colum = 'team'}]", '[mine] where 1: unknown key "colum"; did you mean "column"?'),
            (
                MINE + "where = [{column = 'tem', one_of = ['a']}]",
                '[mine] where 1 column: unknown column "tem"; did you mean "team"?',
            ),
            (MINE + "where = [{column = 'team'}]", '[mine] where 1: a condition on "team" takes one_of'),
            (MINE + "where = 'team'", '[mine] where: must be a list, not "team"'),
            (
                MINE.replace("[mine]", "[Mine]"),
                "[Mine]: a measure's name is small letters, digits and _, such as plan_starts",
            ),
            ("[mine\n", "not valid TOML: "),
        ],
    )
    def test_a_wrong_measure_is_one_line_with_its_file_and_place(self, here: Path, text: str, line: str) -> None:
        written(here, text, "mine.toml")
        with pytest.raises(SettingsError) as raised:
            loaded(here, '[measures]\nfile = "mine.toml"\n')
        assert str(raised.value).startswith("mine.toml: ")
        assert line in str(raised.value) and "\n" not in str(raised.value)

    def test_a_file_of_measures_that_is_not_there_is_an_error(self, here: Path) -> None:
        with pytest.raises(SettingsError, match=r"^none.toml: cannot be read"):
            loaded(here, '[measures]\nfile = "none.toml"\n')


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            '[[targets]]\nname = "a"\nchannel = "console"\n[[targets]]\nname = "b"\nchannel = "console"\n',
            '[[targets]] two are at "console"; keep one of them',
        ),
        (
            '[[targets]]\nname = "head"\nchannel = "slack"\naddress = "C0HEAD"\nrole = "Head"\nexact = true\n',
            '[[targets]] 1: "head" may be exact only by channel = "email" and with a role that reads it',
        ),
        (
            '[[targets]]\nname = "head"\nchannel = "email"\naddress = "a@b.uk"\nexact = true\n',
            '[[targets]] 1: "head" may be exact only by channel = "email" and with a role that reads it',
        ),
        ('[[routes]]\nto = ["console"]\nescalate = ["consol"]\n', 'did you mean "console"?'),
        ('[[routes]]\nto = ["console"]\nbreakdowns = ["teams"]\n', 'did you mean "team"?'),
        ('[telling]\ndigest_to = ["manager"]\n', 'did you mean "managers"?'),
        ('[telling]\nquiet_from = "8pm"\n', 'must be a time such as "07:00", not "8pm"'),
        ('[telling]\npage = "forecaster"\n', "must be an address such as"),
        (
            '[page]\nlisten = "127.0.0.1:99999"\n',
            '[page] listen: must have a port of at most 65535, not "127.0.0.1:99999"',
        ),
        (
            '[[targets]]\nname = "a"\nchannel = "teams"\naddress = "x"\n[[targets]]\nname = "b"\nchannel = "teams"\n',
            '[[targets]] two are at "teams"; keep one of them',
        ),
        *(
            (
                f'[[targets]]\nname = "a"\nchannel = "email"\naddress = "ann@b.uk, {wrong}"\n',
                f'[[targets]] 1: the target has "{wrong}" for a mail address; write plain addresses such as',
            )
            for wrong in ("a..b@c.uk", ".a@b.uk", "a.@b.uk", "Ann", "ann@b..uk")
        ),
        ('[[targets]]\nname = "a"\nchannel = "email"\n', 'the target has "nothing" for a mail address'),
    ],
)
def test_how_people_are_told_is_checked(here: Path, text: str, line: str) -> None:
    assert line in told(here, text)


def test_a_question_with_a_place_that_is_none_is_refused(here: Path) -> None:
    written(here, '[[question]]\nask = "Who {did} it?"\n', "questions.toml")
    with pytest.raises(SettingsError, match=r"questions.toml: .*\{where\}.* alone"):
        loaded(here, '[telling]\nquestions = "questions.toml"\n')
