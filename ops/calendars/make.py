"""Writes the days on which a venue keeps other hours than its regular ones.

    python make.py            makes the file anew, of what the installed packages know today
    python make.py --check    compares the file with what they make of its own dates

pandas_market_calendars is where the hours come from, exchange_calendars the witness: the two must agree on
which days have a session, and from AGREED on also on its hours. requirements.txt pins both.
"""

import argparse
import difflib
import hashlib
import sys
from collections import Counter
from datetime import date
from importlib.metadata import version
from pathlib import Path

import exchange_calendars
import pandas
import pandas_market_calendars

FILE = Path(__file__).parents[2] / "jobs/lib/source/src/calendar/xnys.csv"
ZONE = "America/New_York"
FIRST = "1990-01-01"
# before it, the witness does not know of openings that were late and of trading that was cut short
AGREED = "2010-01-01"
# what the package calls the columns of the file
COLUMNS = {"early": "pre", "open": "market_open", "close": "market_close", "late": "post"}

HEAD = """\
# Days on which xnys (NYSE, Nasdaq) keeps other hours than its regular ones; without hours it is closed.
# Written by ops/calendars/make.py, never by hand. Hours are those of {zone}, weekends are left out.
# package: pandas_market_calendars {package}
# witness: exchange_calendars {witness}
# made: {made}
# first: {first}
# last: {last}
# regular: {regular}
# sessions: {sessions}
# instants: {instants}
day,early,open,close,late
"""


def head(text: str) -> dict[str, str]:
    """What the head of a file says, by its word."""
    lines = (line[2:].split(": ", 1) for line in text.splitlines() if line.startswith("# "))
    return {line[0]: line[1] for line in lines if len(line) == 2}


def compare(schedule: pandas.DataFrame, first: str, last: str) -> None:
    """Ends the program where the witness contradicts."""
    witness = exchange_calendars.get_calendar("XNYS", start=first, end=last).schedule
    days = schedule.index.symmetric_difference(witness.index)
    if len(days):
        sys.exit(f"one package has a session on these days and the other has none: {', '.join(map(str, days.date))}")
    for ours, theirs in (("market_open", "open"), ("market_close", "close")):
        differ = schedule[ours] != witness[theirs].dt.tz_convert(ZONE)
        days = schedule.index[differ & (schedule.index >= AGREED)]
        if len(days):
            sys.exit(f"the packages have other hours on these days: {', '.join(map(str, days.date))}")


def make(made: str, first: str, last: str) -> str:
    """The file."""
    calendar = pandas_market_calendars.get_calendar("NYSE")
    schedule = calendar.schedule(first, last, market_times="all", tz=ZONE)[list(COLUMNS.values())]
    compare(schedule, first, last)
    weekdays = pandas.date_range(first, last, freq="B")
    weekend = schedule.index.difference(weekdays)
    if len(weekend):
        sys.exit(f"sessions at a weekend, which the file cannot tell: {', '.join(map(str, weekend.date))}")
    hours = {day: ",".join(f"{time:%H:%M}" for time in row) for day, row in zip(schedule.index, schedule.values, strict=True)}
    regular = Counter(hours.values()).most_common(1)[0][0]
    rows = [(day, hours.get(day, ",,,")) for day in weekdays]
    text = HEAD.format(
        zone=ZONE,
        package=version("pandas_market_calendars"),
        witness=version("exchange_calendars"),
        made=made,
        first=first,
        last=last,
        regular=regular,
        sessions=len(schedule),
        instants=instants(schedule),
    )
    return text + "".join(f"{day:%Y-%m-%d},{row}\n" for day, row in rows if row != regular)


def instants(schedule: pandas.DataFrame) -> str:
    """The SHA-256 of all sessions as instants in seconds since the epoch, a line a session. Whoever reads
    the file and knows the zone comes to the same."""
    lines = (" ".join(str(int(time.timestamp())) for time in row) + "\n" for row in schedule.values)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def main() -> None:
    """Makes the file, or checks it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where the file is another")
    arguments = parser.parse_args()
    if arguments.check:
        found = FILE.read_text()
        said = head(found)
        expected = make(said["made"], said["first"], said["last"])
        if found != expected:
            sys.stdout.writelines(
                difflib.unified_diff(found.splitlines(True), expected.splitlines(True), "the file", "what is made")
            )
            sys.exit(f"{FILE.name} is not what make.py makes; type `python ops/calendars/make.py`, see its README.md")
        return
    today = date.today()
    # the exchange announces its holidays for the year after the present one, and no package knows more
    FILE.write_text(make(str(today), FIRST, f"{today.year + 1}-12-31"))


if __name__ == "__main__":
    main()
