import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from corpusmill.jobs.runtime import tables
from corpusmill.jobs.runtime.store import StoreOptions
from corpusmill.operators.errors import ConfigError, DataError


def test_csv_and_parquet_give_the_same_table(tmp_path):
    made = pa.table({"index": [1, 2], "train_web": [0.5, 1.0]})
    pq.write_table(made, tmp_path / "a.bin")
    pa.csv.write_csv(made, tmp_path / "b.bin")
    (one, first), (other, second) = (tables.read(str(tmp_path / f"{name}.bin"), "k", StoreOptions()) for name in "ab")
    assert one.equals(made)
    assert other.equals(made)
    assert first != second
    assert tables.read((tmp_path / "a.bin").as_uri(), "k", StoreOptions())[1] == first


@pytest.mark.parametrize(("data", "message"), [
    (b"a,b\n1,2,3\n", "neither CSV nor Parquet"), (b"PAR1 and no more", "neither CSV nor Parquet"), (b"", "neither CSV nor"),
    (b"a,b,a\n1,2,3\n", "has column 'a' twice"),
])
def test_what_is_no_table_is_refused_with_its_name(data, message):
    with pytest.raises(DataError, match=f"^k=x.*{message}"):
        tables.parse(data, "k=x")


def test_a_file_that_is_not_there_is_named_with_its_setting(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(ConfigError, match=r"^runs\.table=.*there is no such file"):
            tables.read(str(path), "runs.table", StoreOptions())


def test_names_and_manifests_are_datasets():
    assert tables.named("@runs")
    assert tables.named(f"out/runs/{'0' * 32}/manifest.json")
    assert not tables.named("runs.parquet")
