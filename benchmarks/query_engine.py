"""DuckDB or stock DataFusion as one long-lived process that answers queries for `benchmarks queries`.

    python3 query_engine.py duckdb|datafusion

Reads one JSON object a line from standard input and writes one a line to standard output:

    {"do": "open", "files": ["a.parquet", ...], "tables": {"cpu": "usage_user", ...},
     "keys": {"cpu": ["hostname", ...]}, "threads": 2}
        -> {"version": "...", "rows": {"cpu": 1000, ...}}
    {"do": "sort", "into": "folder", "keys": {"cpu": ["hostname", ...]}}    (DuckDB only)
        -> {"files": ["folder/cpu.parquet", ...]}
    {"do": "run", "sql": "...", "answer": true}
        -> {"ms": 1.5, "names": [...], "lists": [[...], ...]}    without names and lists unless asked for

`open` tells tables by a column that only one has. The time is that of the query and of its whole answer as Arrow, nothing else.
A query that fails answers {"error": "..."}; anything else that fails ends the process.
"""

import json
import pathlib
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq

ROW_GROUP_ROWS = 128 * 1024


class DuckDb:
    def __init__(self, threads):
        import duckdb

        self.version = duckdb.__version__
        self.connection = duckdb.connect()
        self.connection.execute(f"set threads = {threads}")
        self.connection.execute("set parquet_metadata_cache = true")
        # The name that Tidemill and DataFusion have for it.
        self.connection.execute("create macro date_bin(width, instant) as time_bucket(width, instant)")

    def add(self, table, files, keys):
        listed = ", ".join(quoted(file) for file in files)
        self.connection.execute(f"create view {table} as select * from read_parquet([{listed}])")

    def run(self, sql):
        return self.connection.sql(sql).to_arrow_table()

    def sort(self, table, keys, path):
        """One sorted file, as a careful user of DataFusion would write it: zstd, page index, small row groups."""
        order = ", ".join(f"{key} asc nulls first" for key in keys)
        rows = self.connection.sql(f"select * from {table} order by {order}").to_arrow_reader(ROW_GROUP_ROWS)
        nanos = pa.timestamp("ns")
        fields = [pa.field(field.name, nanos) if pa.types.is_timestamp(field.type) else field for field in rows.schema]
        schema = pa.schema(fields)
        with pq.ParquetWriter(path, schema, compression="zstd", write_page_index=True) as writer:
            for batch in rows:
                writer.write_table(pa.Table.from_batches([batch]).cast(schema), row_group_size=ROW_GROUP_ROWS)


class DataFusion:
    def __init__(self, threads):
        import datafusion

        self.version = datafusion.__version__
        self.column = datafusion.col
        # The defaults, but for the number of threads, which all engines share.
        config = datafusion.SessionConfig().with_target_partitions(threads)
        self.context = datafusion.SessionContext(config)

    def add(self, table, files, keys):
        (file,) = files
        order = [self.column(key).sort(ascending=True, nulls_first=True) for key in keys]
        self.context.register_parquet(table, file, file_sort_order=[order])

    def run(self, sql):
        frame = self.context.sql(sql)
        return pa.Table.from_batches(frame.collect(), schema=frame.schema())


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def tables_of(files, tables):
    """The files of each table, told by its own column."""
    found = {}
    for file in files:
        names = set(pq.read_schema(file).names)
        (table,) = [table for table, column in tables.items() if column in names]
        found.setdefault(table, []).append(file)
    return found


def cells(column):
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        column = column.cast(pa.timestamp("ns")).cast(pa.int64())
    elif pa.types.is_decimal(kind):
        column = column.cast(pa.float64())
    return column.to_pylist()


def timed(engine, request):
    start = time.perf_counter()
    try:
        table = engine.run(request["sql"])
    except Exception as error:  # what an engine raises is its answer
        return {"error": f"{type(error).__name__}: {error}"}
    reply = {"ms": (time.perf_counter() - start) * 1000}
    if request["answer"]:
        reply["names"] = table.column_names
        reply["lists"] = [cells(column) for column in table.columns]
    return reply


def opened(engine, request):
    rows = {}
    for table, files in tables_of(request["files"], request["tables"]).items():
        engine.add(table, files, request["keys"][table])
        counted = engine.run(f"select count(*) as n from {table}")
        rows[table] = counted.column("n")[0].as_py()
    return {"version": engine.version, "rows": rows}


def sorted_files(engine, request):
    folder = pathlib.Path(request["into"])
    paths = []
    for table, keys in request["keys"].items():
        path = str(folder / f"{table}.parquet")
        engine.sort(table, keys, path)
        paths.append(path)
    return {"files": paths}


def main(name):
    engine = None
    for line in sys.stdin:
        request = json.loads(line)
        match request["do"]:
            case "open":
                engine = {"duckdb": DuckDb, "datafusion": DataFusion}[name](request["threads"])
                reply = opened(engine, request)
            case "sort":
                reply = sorted_files(engine, request)
            case "run":
                reply = timed(engine, request)
        sys.stdout.write(json.dumps(reply) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
