"""Arrow Flight's own client, without any layer that knows Flight SQL."""

import json

import kit
import pyarrow as pa
import pyarrow.flight as flight


def field(number, value):
    """A length-delimited field of a protobuf message."""
    value = value.encode() if isinstance(value, str) else value
    length, size = b"", len(value)
    while True:
        length += bytes([size & 0x7F | (0x80 if size > 0x7F else 0)])
        size >>= 7
        if not size:
            return bytes([number << 3 | 2]) + length + value


def command(name, message=b""):
    return field(1, f"type.googleapis.com/arrow.flight.protocol.sql.{name}") + field(2, message)


def statement(sql):
    return flight.FlightDescriptor.for_command(command("CommandStatementQuery", field(1, sql)))


def options(token=kit.TOKEN, database=kit.DATABASE, timeout=None, more=()):
    headers = [(b"authorization", f"Bearer {token}".encode()), *more]
    if database:
        headers.append((b"database", database.encode()))
    return flight.FlightCallOptions(headers=headers, timeout=timeout)


client = flight.FlightClient(f"grpc://{kit.HOST}:{kit.PORT}")


def query(sql, opts=None):
    opts = opts or options()
    info = client.get_flight_info(statement(sql), opts)
    kit.same(len(info.endpoints), 1)
    kit.same(info.endpoints[0].locations, [])
    table = client.do_get(info.endpoints[0].ticket, opts).read_all()
    assert table.schema.equals(info.schema, check_metadata=True), f"{table.schema} was announced as {info.schema}"
    return table


def reads_every_type():
    kit.write(kit.LINES)
    table = query(kit.SQL)
    kit.check_arrow(table)
    kit.check_metadata(table.schema)
    kit.check_metadata(client.get_schema(statement(kit.SQL), options()).schema)


def takes_json_tickets():
    ticket = {"database": kit.DATABASE, "sql_query": kit.SQL, "query_type": "sql"}
    reader = client.do_get(flight.Ticket(json.dumps(ticket)), options(database=None))
    kit.check_arrow(reader.read_all())
    ticket |= {"sql_query": "SELECT $a + $b AS c", "params": {"a": 1, "b": 2}}
    reader = client.do_get(flight.Ticket(json.dumps(ticket)), options(database=None))
    kit.same(reader.read_all().to_pylist(), [{"c": 3}])


def a_handshake_gives_a_token():
    name, value = client.authenticate_basic_token("anyone", kit.TOKEN)
    kit.same((name, value), (b"authorization", f"Bearer {kit.TOKEN}".encode()))
    kit.raises(flight.FlightUnauthenticatedError, "", client.authenticate_basic_token, "anyone", "wrong")


def actions_are_listed_and_answered():
    names = {action.type for action in client.list_actions(options())}
    assert {"CreatePreparedStatement", "CancelFlightInfo", "SetSessionOptions"} <= names, names
    prepare = flight.Action("CreatePreparedStatement", command("ActionCreatePreparedStatementRequest", field(1, "SELECT 1")))
    kit.same(len(list(client.do_action(prepare, options()))), 1)
    kit.raises(NotImplementedError, "transaction", lambda: list(client.do_action(flight.Action("BeginTransaction", b""), options())))


def metadata_is_browsed():
    tables = command("CommandGetTables", field(3, "types"))
    info = client.get_flight_info(flight.FlightDescriptor.for_command(tables), options())
    rows = client.do_get(info.endpoints[0].ticket, options()).read_all().to_pylist()
    expected = {"catalog_name": "public", "db_schema_name": "iox", "table_name": "types", "table_type": "BASE TABLE"}
    kit.same(rows, [expected])


def a_large_result_streams():
    info = client.get_flight_info(statement(kit.LARGE), options())
    rows = total = 0
    for chunk in client.do_get(info.endpoints[0].ticket, options()):
        rows += chunk.data.num_rows
        total += sum(chunk.data.column("n").to_pylist())
    kit.same((rows, total), (kit.LARGE_ROWS, kit.LARGE_SUM))


def errors_have_their_kinds():
    kit.raises(pa.ArrowInvalid, "not found", query, "SELECT * FROM nothing")
    kit.raises(flight.FlightUnauthenticatedError, "not authenticated", query, "SELECT 1", options(token="wrong"))
    kit.raises(flight.FlightUnauthorizedError, "COPY", query, "COPY types TO '/tmp/x'")
    kit.raises(KeyError, "database not found: missing", query, "SELECT 1", options(database="missing"))
    kit.raises(pa.ArrowInvalid, "invalid ticket", client.do_get, flight.Ticket(b"garbage"), options())
    kit.raises(pa.ArrowInvalid, "same name", query, "SELECT 1", options(more=[(b"bucket", b"other")]))


def a_deadline_ends_a_query():
    kit.raises(flight.FlightTimedOutError, "", query, kit.ENDLESS, options(timeout=0.5))
    kit.wait_for("the query has ended", lambda: kit.running_queries() == 0)


def a_cancelled_reader_stops_the_query():
    info = client.get_flight_info(statement(kit.ENDLESS), options())
    reader = client.do_get(info.endpoints[0].ticket, options())
    kit.wait_for("the query runs", lambda: kit.running_queries() == 1)
    reader.cancel()
    # pyarrow takes a cancelled call for Ctrl-C.
    kit.raises((flight.FlightCancelledError, KeyboardInterrupt), "", reader.read_all)
    kit.wait_for("the query has ended", lambda: kit.running_queries() == 0)


kit.main(
    [
        reads_every_type,
        takes_json_tickets,
        a_handshake_gives_a_token,
        actions_are_listed_and_answered,
        metadata_is_browsed,
        a_large_result_streams,
        errors_have_their_kinds,
        a_deadline_ends_a_query,
        a_cancelled_reader_stops_the_query,
    ]
)
