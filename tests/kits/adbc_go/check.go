// ADBC's Flight SQL driver for Go, and database/sql on top of it.
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/apache/arrow-adbc/go/adbc"
	"github.com/apache/arrow-adbc/go/adbc/driver/flightsql"
	_ "github.com/apache/arrow-adbc/go/adbc/sqldriver/flightsql"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"kit"
)

var background = context.Background()

type settings = map[string]string

const database = flightsql.OptionRPCCallHeaderPrefix + "database"

func address() string { return "grpc://" + kit.Must(url.Parse(kit.URL)).Host }

// connect opens a connection; settings with an empty value are left out.
func connect(changes settings) (adbc.Connection, error) {
	all := settings{
		adbc.OptionKeyURI:                   address(),
		flightsql.OptionAuthorizationHeader: "Bearer " + kit.Token,
		flightsql.OptionCookieMiddleware:    adbc.OptionValueEnabled,
		database:                            kit.Database,
	}
	for key, value := range changes {
		all[key] = value
		if value == "" {
			delete(all, key)
		}
	}
	opened, err := flightsql.NewDriver(memory.DefaultAllocator).NewDatabase(all)
	if err != nil {
		return nil, err
	}
	return opened.Open(background)
}

// with runs a function with a connection and a statement.
func with(changes settings, use func(adbc.Connection, adbc.Statement)) {
	connection := kit.Must(connect(changes))
	statement := kit.Must(connection.NewStatement())
	use(connection, statement)
	kit.Ok(statement.Close())
	kit.Ok(connection.Close())
}

func query(statement adbc.Statement, sql string) ([][]any, error) {
	if err := statement.SetSqlQuery(sql); err != nil {
		return nil, err
	}
	reader, _, err := statement.ExecuteQuery(background)
	if err != nil {
		return nil, err
	}
	return rows(reader)
}

func rows(reader array.RecordReader) ([][]any, error) {
	defer reader.Release()
	all := [][]any{}
	for reader.Next() {
		batch := reader.RecordBatch()
		for row := range int(batch.NumRows()) {
			values := []any{}
			for _, column := range batch.Columns() {
				values = append(values, value(column, row))
			}
			all = append(all, values)
		}
	}
	return all, reader.Err()
}

func value(column arrow.Array, row int) any {
	if column.IsNull(row) {
		return nil
	}
	switch typed := column.(type) {
	case *array.Timestamp:
		kit.Same(typed.DataType().(*arrow.TimestampType).Unit, arrow.Nanosecond)
		return int64(typed.Value(row))
	case *array.Int64:
		return typed.Value(row)
	case *array.Uint64:
		return typed.Value(row)
	case *array.Float64:
		return typed.Value(row)
	case *array.Boolean:
		return typed.Value(row)
	case *array.String:
		return typed.Value(row)
	}
	panic(fmt.Sprintf("a column of %s", column.DataType()))
}

// objects takes nested rows as what their JSON says.
func objects(reader array.RecordReader, err error) []map[string]any {
	kit.Ok(err)
	defer reader.Release()
	all := []map[string]any{}
	for reader.Next() {
		part := []map[string]any{}
		kit.Ok(json.Unmarshal(kit.Must(reader.RecordBatch().MarshalJSON()), &part))
		all = append(all, part...)
	}
	kit.Ok(reader.Err())
	return all
}

func kinds(schema *arrow.Schema) settings {
	found := settings{}
	for _, field := range schema.Fields() {
		found[field.Name], _ = field.Metadata.GetValue("iox::column::type")
	}
	return found
}

func code(err error) adbc.Status {
	var failure adbc.Error
	if !errors.As(err, &failure) {
		panic(fmt.Sprintf("no adbc.Error: %#v", err))
	}
	return failure.Code
}

func ReadsEveryType() {
	kit.Write(kit.Lines)
	with(nil, func(_ adbc.Connection, statement adbc.Statement) {
		kit.Same(kit.Must(query(statement, kit.SQL)), kit.Rows)
		kit.Ok(statement.SetSqlQuery(kit.SQL))
		reader, _, err := statement.ExecuteQuery(background)
		kit.Ok(err)
		kit.Same(kinds(reader.Schema()), kit.Kinds)
		kit.Same(len(kit.Must(rows(reader))), len(kit.Rows))
		kit.Ok(statement.Prepare(background))
		reader, _, err = statement.ExecuteQuery(background)
		kit.Ok(err)
		kit.Same(kit.Must(rows(reader)), kit.Rows)
	})
}

func TellsTheSchemaBeforehand() {
	with(nil, func(_ adbc.Connection, statement adbc.Statement) {
		kit.Ok(statement.SetSqlQuery(kit.SQL))
		schema := kit.Must(statement.(adbc.StatementExecuteSchema).ExecuteSchema(background))
		kit.Same(kinds(schema), kit.Kinds)
	})
}

func ReadsPartitionsOnAnotherConnection() {
	with(nil, func(_ adbc.Connection, statement adbc.Statement) {
		kit.Ok(statement.SetSqlQuery(kit.SQL))
		_, partitions, _, err := statement.ExecutePartitions(background)
		kit.Ok(err)
		kit.Same(partitions.NumPartitions, uint64(1))
		with(nil, func(other adbc.Connection, _ adbc.Statement) {
			reader := kit.Must(other.ReadPartition(background, partitions.PartitionIDs[0]))
			kit.Same(kit.Must(rows(reader)), kit.Rows)
		})
	})
}

func LogsInWithAPassword() {
	login := settings{
		flightsql.OptionAuthorizationHeader: "", adbc.OptionKeyUsername: "anyone", adbc.OptionKeyPassword: kit.Token,
	}
	with(login, func(_ adbc.Connection, statement adbc.Statement) {
		kit.Same(kit.Must(query(statement, "SELECT 1")), [][]any{{int64(1)}})
	})
	login[adbc.OptionKeyPassword] = "wrong"
	_, err := connect(login)
	kit.Fails(err, "not authenticated")
	kit.Same(code(err), adbc.StatusUnauthenticated)
}

// record makes a batch of JSON rows.
func record(text string, fields ...arrow.Field) arrow.RecordBatch {
	builder := array.NewStructBuilder(memory.DefaultAllocator, arrow.StructOf(fields...))
	kit.Ok(builder.UnmarshalJSON([]byte(text)))
	return array.RecordFromStructArray(builder.NewStructArray(), arrow.NewSchema(fields, nil))
}

func nullable(name string, kind arrow.DataType) arrow.Field {
	return arrow.Field{Name: name, Type: kind, Nullable: true}
}

func BindsParameters() {
	text, integer, double := arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Float64
	nanoseconds := nullable("0", arrow.FixedWidthTypes.Timestamp_ns)
	milliseconds := nullable("0", arrow.FixedWidthTypes.Timestamp_ms)
	for _, bound := range []struct {
		sql      string
		row      arrow.RecordBatch
		expected [][]any
	}{
		{"SELECT f FROM types WHERE host = $1 AND f > $2",
			record(`[{"0": "a", "1": 1.0}]`, nullable("0", text), nullable("1", double)), [][]any{{1.5}}},
		{"SELECT f FROM types WHERE host = ? AND i = ?",
			record(`[{"0": "a", "1": -2}]`, nullable("0", text), nullable("1", integer)), [][]any{{1.5}}},
		{"SELECT f FROM types WHERE host = $host",
			record(`[{"host": "a"}]`, nullable("host", text)), [][]any{{1.5}}},
		{"SELECT i FROM types WHERE time = $1",
			record(fmt.Sprintf(`[{"0": %d}]`, kit.Base), nanoseconds), [][]any{{int64(-2)}}},
		{"SELECT i FROM types WHERE time <= $1",
			record(fmt.Sprintf(`[{"0": %d}]`, kit.Base/1_000_000), milliseconds), [][]any{{int64(-2)}}},
		{"SELECT $1 AS a, $2 AS b",
			record(`[{"0": 1, "1": null}]`, nullable("0", integer), nullable("1", text)), [][]any{{int64(1), nil}}},
	} {
		with(nil, func(_ adbc.Connection, statement adbc.Statement) {
			kit.Ok(statement.SetSqlQuery(bound.sql))
			kit.Ok(statement.Prepare(background))
			kit.Ok(statement.Bind(background, bound.row))
			reader, _, err := statement.ExecuteQuery(background)
			kit.Ok(err)
			kit.Same(kit.Must(rows(reader)), bound.expected)
		})
	}
	with(nil, func(_ adbc.Connection, statement adbc.Statement) {
		kit.Ok(statement.SetSqlQuery("SELECT f FROM types WHERE i > $1 AND host = $2"))
		kit.Ok(statement.Prepare(background))
		schema := kit.Must(statement.GetParameterSchema())
		kit.Same([]arrow.Type{schema.Field(0).Type.ID(), schema.Field(1).Type.ID()}, []arrow.Type{arrow.INT64, arrow.STRING})
	})
}

func ingest(statement adbc.Statement, table, mode string, batch arrow.RecordBatch) (int64, error) {
	kit.Ok(statement.SetOption(adbc.OptionKeyIngestTargetTable, table))
	kit.Ok(statement.SetOption(adbc.OptionKeyIngestMode, mode))
	kit.Ok(statement.Bind(background, batch))
	return statement.ExecuteUpdate(background)
}

func IngestsAndAppendsRows() {
	batch := record(
		`[{"time": 1, "site": "x", "value": 1.5, "note": "a"}, {"time": 2, "site": "y", "value": null, "note": null}]`,
		nullable("time", arrow.FixedWidthTypes.Timestamp_ns), nullable("site", arrow.BinaryTypes.String),
		nullable("value", arrow.PrimitiveTypes.Float64), nullable("note", arrow.BinaryTypes.String))
	with(nil, func(_ adbc.Connection, statement adbc.Statement) {
		kit.Same(kit.Must(ingest(statement, "ingested", adbc.OptionValueIngestModeCreate, batch)), int64(2))
		_, err := ingest(statement, "ingested", adbc.OptionValueIngestModeCreate, batch)
		kit.Fails(err, "already exists")
		kit.Must(ingest(statement, "ingested", adbc.OptionValueIngestModeAppend, batch))
	})
	with(nil, func(_ adbc.Connection, statement adbc.Statement) {
		found := kit.Must(query(statement, "SELECT site, value, note FROM ingested ORDER BY time"))
		kit.Same(found, [][]any{{"x", 1.5, "a"}, {"y", nil, nil}})
	})
}

func StreamsALargeResult() {
	with(nil, func(_ adbc.Connection, statement adbc.Statement) {
		kit.Ok(statement.SetSqlQuery(kit.Large))
		reader, _, err := statement.ExecuteQuery(background)
		kit.Ok(err)
		defer reader.Release()
		count, total := int64(0), int64(0)
		for reader.Next() {
			count += reader.RecordBatch().NumRows()
			for _, n := range reader.RecordBatch().Column(0).(*array.Int64).Int64Values() {
				total += n
			}
		}
		kit.Ok(reader.Err())
		kit.Same([]int64{count, total}, []int64{kit.LargeRows, kit.LargeSum})
	})
}

func ChangesThings() {
	kit.Write("doomed,k=a v=1 1\ndoomed,k=b v=2 1")
	with(nil, func(_ adbc.Connection, statement adbc.Statement) {
		kit.Ok(statement.SetSqlQuery("DELETE FROM doomed WHERE k = 'a'"))
		kit.Must(statement.ExecuteUpdate(background))
		kit.Same(kit.Must(query(statement, "SELECT k FROM doomed")), [][]any{{"b"}})
		kit.Ok(statement.SetSqlQuery("INSERT INTO doomed VALUES (1)"))
		_, err := statement.ExecuteUpdate(background)
		kit.Fails(err, "INSERT")
	})
}

func names(nested any, list, name string) []string {
	found := []string{}
	for _, each := range nested.(map[string]any)[list].([]any) {
		found = append(found, each.(map[string]any)[name].(string))
	}
	slices.Sort(found)
	return found
}

func BrowsesMetadata() {
	with(nil, func(connection adbc.Connection, _ adbc.Statement) {
		info := objects(connection.GetInfo(background, []adbc.InfoCode{adbc.InfoVendorName}))
		kit.Same(fmt.Sprint(info[0]["info_value"]), "[0 Tidemill]")
		types := objects(connection.GetTableTypes(background))
		kit.Same(types, []map[string]any{{"table_type": "BASE TABLE"}, {"table_type": "VIEW"}})
		schema, table, host := "iox", "types", "host"
		described := kit.Must(connection.GetTableSchema(background, nil, &schema, table))
		columns := slices.Clone(kit.Columns)
		slices.Sort(columns)
		found := []string{}
		for _, field := range described.Fields() {
			found = append(found, field.Name)
		}
		slices.Sort(found)
		kit.Same(found, columns)
		_, err := connection.GetTableSchema(background, nil, &schema, "nothing")
		kit.Same(code(err), adbc.StatusNotFound)

		catalogs := objects(connection.GetObjects(background, adbc.ObjectDepthDBSchemas, nil, nil, nil, nil, nil))
		kit.Same(len(catalogs), 1)
		kit.Same(catalogs[0]["catalog_name"], "public")
		schemas := names(catalogs[0], "catalog_db_schemas", "db_schema_name")
		kit.Same(schemas, []string{"information_schema", "iox", "system"})
		for column, expected := range map[*string][]string{nil: columns, &host: {"host"}} {
			catalogs = objects(connection.GetObjects(background, adbc.ObjectDepthColumns, nil, &schema, &table, column, nil))
			tables := catalogs[0]["catalog_db_schemas"].([]any)[0].(map[string]any)["db_schema_tables"].([]any)
			kit.Same(len(tables), 1)
			kit.Same(names(tables[0], "table_columns", "column_name"), expected)
		}
	})
}

func SessionsRememberTheDatabase() {
	with(settings{database: ""}, func(connection adbc.Connection, statement adbc.Statement) {
		session := connection.(adbc.GetSetOptions)
		kit.Ok(session.SetOption(adbc.OptionKeyCurrentCatalog, kit.Database))
		kit.Same(kit.Must(query(statement, "SELECT count(*) FROM types")), [][]any{{int64(3)}})
	})
	with(nil, func(connection adbc.Connection, _ adbc.Statement) {
		session := connection.(adbc.GetSetOptions)
		kit.Same(kit.Must(session.GetOption(adbc.OptionKeyCurrentCatalog)), "public")
		kit.Same(kit.Must(session.GetOption(adbc.OptionKeyCurrentDbSchema)), "iox")
	})
}

func TransactionsAreRefused() {
	with(nil, func(connection adbc.Connection, _ adbc.Statement) {
		err := connection.(adbc.PostInitOptions).SetOption(adbc.OptionKeyAutoCommit, adbc.OptionValueDisabled)
		kit.Same(code(err), adbc.StatusNotImplemented)
	})
}

func ErrorsHaveTheirKinds() {
	for _, expected := range []struct {
		sql     string
		text    string
		code    adbc.Status
		changes settings
	}{
		{"SELECT * FROM nothing", "not found", adbc.StatusInvalidArgument, nil},
		{"SELEKT 1", "SELEKT", adbc.StatusInvalidArgument, nil},
		{"COPY types TO 'x'", "statement not allowed", adbc.StatusUnauthorized, nil},
		{"SELECT 1", "database not found: missing", adbc.StatusNotFound, settings{database: "missing"}},
		{"SELECT 1", "not authenticated", adbc.StatusUnauthenticated,
			settings{flightsql.OptionAuthorizationHeader: "Bearer wrong"}},
	} {
		with(expected.changes, func(_ adbc.Connection, statement adbc.Statement) {
			_, err := query(statement, expected.sql)
			kit.Fails(err, expected.text)
			kit.Same(code(err), expected.code)
		})
	}
}

func AStreamIsLeftEarly() {
	with(nil, func(_ adbc.Connection, statement adbc.Statement) {
		kit.Ok(statement.SetSqlQuery(kit.EndlessRows))
		reader, _, err := statement.ExecuteQuery(background)
		kit.Ok(err)
		kit.Same(reader.Next(), true)
		kit.Same(kit.RunningQueries(), 1)
		reader.Release()
		kit.WaitUntilIdle()
	})
}

func ADeadlineStopsAQuery() {
	with(nil, func(_ adbc.Connection, statement adbc.Statement) {
		kit.Ok(statement.SetOption(flightsql.OptionTimeoutFetch, "0.5"))
		_, err := query(statement, kit.Endless)
		kit.Same(code(err), adbc.StatusTimeout)
	})
	kit.WaitUntilIdle()
}

func ACancelledQueryStops() {
	with(nil, func(_ adbc.Connection, statement adbc.Statement) {
		ctx, cancel := context.WithCancel(background)
		go func() {
			defer cancel()
			kit.WaitFor("the query runs", func() bool { return kit.RunningQueries() == 1 })
		}()
		kit.Ok(statement.SetSqlQuery(kit.Endless))
		reader, _, err := statement.ExecuteQuery(ctx)
		if err == nil {
			_, err = rows(reader)
		}
		kit.Same(code(err), adbc.StatusCancelled)
	})
	kit.WaitUntilIdle()
}

func WorksUnderDatabaseSQL() {
	source := fmt.Sprintf("uri=%s;%s=Bearer %s;%s=%s",
		address(), flightsql.OptionAuthorizationHeader, kit.Token, database, kit.Database)
	opened := kit.Must(sql.Open("flightsql", source))
	defer opened.Close()
	kit.Ok(opened.Ping())
	// Parameters are bound to prepared statements alone: the driver has no others for them.
	prepared := kit.Must(opened.Prepare("SELECT host, f, i, b, time FROM types WHERE host = ?"))
	defer prepared.Close()
	found := kit.Must(prepared.Query("a"))
	defer found.Close()
	kit.Same(found.Next(), true)
	var host string
	var f float64
	var i int64
	var b bool
	var at time.Time
	kit.Ok(found.Scan(&host, &f, &i, &b, &at))
	kit.Same([]any{host, f, i, b, at.UnixNano()}, []any{"a", 1.5, int64(-2), true, kit.Base})
	kit.Same(found.Next(), false)
	kit.Ok(found.Err())
	var missing sql.NullString
	kit.Ok(opened.QueryRow("SELECT region FROM types WHERE host = 'a'").Scan(&missing))
	kit.Same(missing.Valid, false)
}

func main() {
	kit.Main(
		ReadsEveryType,
		TellsTheSchemaBeforehand,
		ReadsPartitionsOnAnotherConnection,
		LogsInWithAPassword,
		BindsParameters,
		IngestsAndAppendsRows,
		StreamsALargeResult,
		ChangesThings,
		BrowsesMetadata,
		SessionsRememberTheDatabase,
		TransactionsAreRefused,
		ErrorsHaveTheirKinds,
		WorksUnderDatabaseSQL,
		AStreamIsLeftEarly,
		ADeadlineStopsAQuery,
		ACancelledQueryStops,
	)
}
