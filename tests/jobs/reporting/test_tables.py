import re

from corpusmill.jobs.reporting.tables import ROWS, Column, grouped, share_of, stacked, table


def test_a_long_table_says_how_many_rows_it_leaves_out():
    drawn = table([Column("n")], range(ROWS + 1234), lambda i: [str(i)])
    assert drawn.count("<tr>") == ROWS + 1
    assert "1,234 more rows are in report.json" in drawn


def test_parts_of_a_bar_follow_each_other():
    widths = re.findall(r'class="(\w+)" x="([\d.]+)" y="0" width="([\d.]+)"', stacked([("kept", 0.6), ("drop", 0.3)], "says"))
    assert widths == [("track", "0.000", "100.000"), ("kept", "0.000", "60.000"), ("drop", "60.000", "30.000")]


def test_bars_below_each_other_have_lengths_of_their_own():
    drawn = grouped([("natural", 1.0), ("kept", 0.25)], "natural 40.0 %")
    assert re.findall(r'y="(\d+)" width="([\d.]+)"', drawn) == [("0", "100.000"), ("7", "25.000")]
    assert 'aria-label="natural 40.0 %"' in drawn


def test_a_share_of_nothing_is_a_dash():
    assert (share_of(0, 0), share_of(1, 4)) == ("–", "25.0 %")
