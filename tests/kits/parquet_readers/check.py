"""Compares what DuckDB and pyarrow read from Parquet files with what was written, value by value.

Floats are compared by their bits. A decimal is compared with the double that its digits denote:
`float(Decimal)` rounds correctly, which is what makes the stored decimals exact.
"""

import struct
import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.dataset
import pyarrow.ipc
import pyarrow.parquet


def with_pyarrow(path):
    return pyarrow.parquet.read_table(path)


def with_pyarrow_dataset(path):
    return pyarrow.dataset.dataset(path).to_table()


def with_duckdb(path):
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = true")
    return connection.sql("SELECT * FROM read_parquet(?)", params=[str(path)]).to_arrow_table()


READERS = {"pyarrow": with_pyarrow, "pyarrow dataset": with_pyarrow_dataset, "duckdb": with_duckdb}


def bits(value):
    return None if value is None else struct.unpack("<Q", struct.pack("<d", value))[0]


def comparable(column):
    """A column as a list of plain values that are equal only if they are identical."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("ns")).cast(pa.int64()).to_pylist()
    if pa.types.is_floating(column.type):
        # Not through Python floats: they may quieten a NaN.
        patterns = pa.chunked_array(
            [pa.Array.from_buffers(pa.uint64(), len(chunk), chunk.buffers(), offset=chunk.offset) for chunk in column.chunks],
            pa.uint64(),
        )
        return patterns.to_pylist()
    values = column.to_pylist()
    if pa.types.is_decimal(column.type):
        assert all(value is None or isinstance(value, Decimal) for value in values)
        return [None if value is None else bits(float(value)) for value in values]
    return values


def differences(expected, found):
    if expected.column_names != found.column_names:
        yield f"columns are {found.column_names}"
        return
    if expected.num_rows != found.num_rows:
        yield f"there are {found.num_rows} rows, not {expected.num_rows}"
        return
    for name in expected.column_names:
        wanted, got = comparable(expected[name]), comparable(found[name])
        for row, (a, b) in enumerate(zip(wanted, got)):
            if a != b or (a is None) != (b is None):
                yield f"column {name!r}, row {row}: {b!r}, not {a!r}"
                break


def main(directory):
    with pa.memory_map(str(directory / "expected.arrow")) as source:
        expected = pyarrow.ipc.open_file(source).read_all()
    files = sorted(directory.glob("*.parquet"))
    if not files:
        sys.exit(f"there are no Parquet files in {directory}")
    failures = 0
    for path in files:
        decimals = [f.name for f in pyarrow.parquet.read_schema(path) if pa.types.is_decimal(f.type)]
        if ("decimals" in path.name) != bool(decimals):
            print(f"{path.name}: stored as decimals: {decimals}")
            failures += 1
        for reader, read in READERS.items():
            found = list(differences(expected, read(path)))
            failures += len(found)
            print(f"{path.name}, {reader}: {'; '.join(found) or f'{expected.num_rows} rows of {expected.num_columns} columns are the same'}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
