// The client library of InfluxDB 3 for Go.
package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/InfluxCommunity/influxdb3-go/v2/influxdb3"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"kit"
)

var background = context.Background()

func client(change func(*influxdb3.ClientConfig)) *influxdb3.Client {
	config := influxdb3.ClientConfig{Host: kit.URL, Token: kit.Token, Database: kit.Database}
	if change != nil {
		change(&config)
	}
	return kit.Must(influxdb3.New(config))
}

func onV3(config *influxdb3.ClientConfig) { config.Host = kit.V3URL }

// rows takes all rows of a query.
func rows(c *influxdb3.Client, sql string, parameters influxdb3.QueryParameters) ([]map[string]any, error) {
	found, err := c.QueryWithParameters(background, sql, parameters)
	if err != nil {
		return nil, err
	}
	all := []map[string]any{}
	for found.Next() {
		all = append(all, found.Value())
	}
	return all, found.Err()
}

func failure(c *influxdb3.Client, sql string, parameters influxdb3.QueryParameters) error {
	defer c.Close()
	_, err := rows(c, sql, parameters)
	return err
}

func WritesLinesAndPoints() {
	c := client(nil)
	defer c.Close()
	kit.Ok(c.Write(background, []byte(kit.Lines)))
	point := influxdb3.NewPoint("points", map[string]string{"host": "a"},
		map[string]any{"v": 1.25, "n": 3, "u": uint64(4)}, time.Unix(0, kit.Base))
	kit.Ok(c.WritePoints(background, []*influxdb3.Point{point}))
	found := kit.Must(rows(c, "SELECT host, v, n, u, time FROM points", nil))
	kit.Same(found, []map[string]any{{
		"host": "a", "v": 1.25, "n": int64(3), "u": uint64(4), "time": time.Unix(0, kit.Base).UTC(),
	}})
}

func WritesOwnTypes() {
	type reading struct {
		Table string    `lp:"measurement"`
		Host  string    `lp:"tag,host"`
		Value float64   `lp:"field,value"`
		When  time.Time `lp:"timestamp"`
	}
	c := client(nil)
	defer c.Close()
	kit.Ok(c.WriteData(background, []any{reading{"readings", "a", 2.5, time.Unix(1_700_000_000, 0)}}))
	found := kit.Must(rows(c, "SELECT host, value FROM readings", nil))
	kit.Same(found, []map[string]any{{"host": "a", "value": 2.5}})
}

func WritesByBothEndpointsAndCompressed() {
	lines := &strings.Builder{}
	for second := range 500 {
		fmt.Fprintf(lines, "batch,k=%d v=%d %d\n", second%7, second, 1_700_000_000+second)
	}
	seconds := influxdb3.WithPrecision(influxdb3.Second)
	for _, options := range [][]influxdb3.WriteOption{
		{seconds, influxdb3.WithUseV2Api(true), influxdb3.WithGzipThreshold(1)},
		{seconds, influxdb3.WithUseV2Api(false), influxdb3.WithGzipThreshold(1)},
		{seconds, influxdb3.WithUseV2Api(false), influxdb3.WithGzipThreshold(0)},
		{seconds, influxdb3.WithUseV2Api(false), influxdb3.WithNoSync(true)},
		{seconds, influxdb3.WithUseV2Api(false), influxdb3.WithAcceptPartial(false)},
	} {
		for _, address := range []func(*influxdb3.ClientConfig){nil, onV3} {
			c := client(address)
			kit.Ok(c.Write(background, []byte(lines.String()), options...))
			found := kit.Must(rows(c, "SELECT count(*) AS n, sum(v) AS total FROM batch", nil))
			kit.Same(found, []map[string]any{{"n": int64(500), "total": 124750.0}})
			kit.Ok(c.Close())
		}
	}
}

func ReadsEveryTypeOnBothAddresses() {
	for _, address := range []func(*influxdb3.ClientConfig){nil, onV3} {
		c := client(address)
		found := kit.Must(rows(c, kit.SQL, nil))
		kit.Same(len(found), len(kit.Rows))
		for number, expected := range kit.Rows {
			row := []any{}
			for _, name := range kit.Columns[:7] {
				row = append(row, found[number][name])
			}
			row = append(row, found[number]["time"].(time.Time).UnixNano())
			kit.Same(row, expected)
		}
		kit.Ok(c.Close())
	}
}

func TheSchemaTellsTheKinds() {
	c := client(nil)
	defer c.Close()
	found := kit.Must(c.Query(background, kit.SQL))
	kinds := map[string]string{}
	for _, field := range found.Raw().Schema().Fields() {
		kind, _ := field.Metadata.GetValue("iox::column::type")
		kinds[field.Name] = kind
	}
	kit.Same(kinds, kit.Kinds)
	time := kit.Must(fieldOf(found.Raw().Schema(), "time"))
	kit.Same(time.Type.(*arrow.TimestampType).Unit, arrow.Nanosecond)
	found.Raw().Release()
}

func fieldOf(schema *arrow.Schema, name string) (arrow.Field, error) {
	fields, has := schema.FieldsByName(name)
	if !has {
		return arrow.Field{}, fmt.Errorf("no field '%s' in %s", name, schema)
	}
	return fields[0], nil
}

func ReadsPointsByTheirMetadata() {
	c := client(nil)
	defer c.Close()
	found := kit.Must(c.QueryPointValue(background, kit.SQL))
	point := kit.Must(found.Next())
	kit.Same(point.GetTagNames(), []string{"host"})
	kit.Same(*point.GetDoubleField("f"), 1.5)
	kit.Same(*point.GetIntegerField("i"), int64(-2))
	kit.Same(*point.GetUIntegerField("u"), uint64(18446744073709551615))
	kit.Same(*point.GetBooleanField("b"), true)
	kit.Same(*point.GetStringField("s"), "x y")
	kit.Same(point.Timestamp.UnixNano(), kit.Base)
	point = kit.Must(found.Next())
	tags := point.GetTagNames()
	slices.Sort(tags)
	kit.Same(tags, []string{"host", "region"})
	kit.Same(point.GetFieldNames(), []string{"f"})
	kit.Must(found.Next())
	_, err := found.Next()
	kit.Same(err, influxdb3.Done)
}

func BindsParameters() {
	c := client(nil)
	defer c.Close()
	sql := "SELECT f FROM types WHERE host = $host AND f > $least"
	found := kit.Must(rows(c, sql, influxdb3.QueryParameters{"host": "a", "least": 1}))
	kit.Same(found, []map[string]any{{"f": 1.5}})
	values := influxdb3.QueryParameters{"a": 0, "b": "", "c": false, "d": 0.5, "e": nil}
	found = kit.Must(rows(c, "SELECT $a AS a, $b AS b, $c AS c, $d AS d, $e AS e", values))
	kit.Same(found, []map[string]any{{"a": int64(0), "b": "", "c": false, "d": 0.5, "e": nil}})
	kit.Fails(failure(client(nil), sql, influxdb3.QueryParameters{"host": "a"}), "'$least'")
}

func StreamsALargeResult() {
	c := client(nil)
	defer c.Close()
	found := kit.Must(c.Query(background, kit.Large))
	count, total := int64(0), int64(0)
	reader := found.Raw()
	for reader.Next() {
		count += reader.RecordBatch().NumRows()
		for _, n := range reader.RecordBatch().Column(0).(*array.Int64).Int64Values() {
			total += n
		}
	}
	kit.Ok(reader.Err())
	kit.Same([]int64{count, total}, []int64{kit.LargeRows, kit.LargeSum})
}

func ReadsAnEmptyResult() {
	c := client(nil)
	defer c.Close()
	kit.Same(kit.Must(rows(c, "SELECT * FROM types WHERE host = 'nobody'", nil)), []map[string]any{})
}

func TellsTheVersion() {
	for _, address := range []func(*influxdb3.ClientConfig){nil, onV3} {
		c := client(address)
		version := kit.Must(c.GetServerVersion())
		kit.Same(strings.Count(version, "."), 2)
		kit.Ok(c.Close())
	}
}

func ExplainsFailedQueries() {
	for _, expected := range []struct {
		text   string
		code   codes.Code
		sql    string
		change func(*influxdb3.ClientConfig)
	}{
		{"not found", codes.InvalidArgument, "SELECT * FROM nothing", nil},
		{"SELEKT", codes.InvalidArgument, "SELEKT 1", nil},
		{"COPY", codes.PermissionDenied, "COPY types TO 'x'", nil},
		{"database not found: missing", codes.NotFound, "SELECT 1",
			func(config *influxdb3.ClientConfig) { config.Database = "missing" }},
		{"not authenticated", codes.Unauthenticated, "SELECT 1",
			func(config *influxdb3.ClientConfig) { config.Token = "wrong" }},
	} {
		err := failure(client(expected.change), expected.sql, nil)
		kit.Fails(err, expected.text)
		kit.Same(status.Code(err), expected.code)
	}
}

func ExplainsFailedWrites() {
	v2, v3 := influxdb3.WithUseV2Api(true), influxdb3.WithUseV2Api(false)
	wrong := func(config *influxdb3.ClientConfig) { config.Token = "wrong" }
	for _, expected := range []struct {
		text    string
		status  int
		lines   string
		change  func(*influxdb3.ClientConfig)
		options []influxdb3.WriteOption
	}{
		{"missing field value", 400, "types,host=a f=", nil, []influxdb3.WriteOption{v2}},
		{"field type conflict", 422, `types f="text"`, nil, []influxdb3.WriteOption{v2}},
		{"line protocol parse failed", 400, "types,host=a f=", onV3, []influxdb3.WriteOption{v2}},
		{"unauthorized", 401, "types f=1", wrong, []influxdb3.WriteOption{v2}},
		{"not authenticated", 401, "types f=1", wrong, []influxdb3.WriteOption{v3}},
		{"line protocol parsing error", 400, "types,host=a f=", onV3,
			[]influxdb3.WriteOption{v3, influxdb3.WithAcceptPartial(false)}},
	} {
		c := client(expected.change)
		err := c.Write(background, []byte(expected.lines), expected.options...)
		kit.Fails(err, expected.text)
		var refused *influxdb3.ServerError
		if !errors.As(err, &refused) {
			panic(fmt.Sprintf("no ServerError: %#v", err))
		}
		kit.Same(refused.StatusCode, expected.status)
		kit.Ok(c.Close())
	}
}

func NamesTheLinesOfAPartialWrite() {
	c := client(onV3)
	defer c.Close()
	lines := "partial v=1 1\npartial v=\"text\" 2\npartial 3\npartial v=4 4"
	err := c.Write(background, []byte(lines), influxdb3.WithUseV2Api(false))
	kit.Fails(err, "partial write of line protocol occurred")
	var partial *influxdb3.PartialWriteError
	if !errors.As(err, &partial) {
		panic(fmt.Sprintf("no PartialWriteError: %#v", err))
	}
	kit.Same(partial.LineErrors, []influxdb3.PartialWriteLineError{
		{
			ErrorMessage: "invalid column type for column 'v', expected iox::column_type::field::float, " +
				"got iox::column_type::field::string",
			LineNumber:   2,
			OriginalLine: `partial v="text" 2`,
		},
		{ErrorMessage: "No fields were provided", LineNumber: 3, OriginalLine: "partial 3"},
	})
	found := kit.Must(rows(c, "SELECT v FROM partial ORDER BY time", nil))
	kit.Same(found, []map[string]any{{"v": 1.0}, {"v": 4.0}})
}

func AStreamIsLeftEarly() {
	c := client(nil)
	defer c.Close()
	ctx, cancel := context.WithCancel(background)
	found := kit.Must(c.Query(ctx, kit.EndlessRows))
	for range 10 {
		kit.Same(found.Next(), true)
	}
	kit.Same(kit.RunningQueries(), 1)
	found.Raw().Release()
	cancel()
	kit.WaitUntilIdle()
}

func ADeadlineStopsAQuery() {
	hasty := client(func(config *influxdb3.ClientConfig) { config.QueryTimeout = 500 * time.Millisecond })
	kit.Same(status.Code(failure(hasty, kit.Endless, nil)), codes.DeadlineExceeded)
	kit.WaitUntilIdle()
}

func ACancelledQueryStops() {
	c := client(nil)
	defer c.Close()
	ctx, cancel := context.WithCancel(background)
	go func() {
		defer cancel()
		kit.WaitFor("the query runs", func() bool { return kit.RunningQueries() == 1 })
	}()
	found, err := c.Query(ctx, kit.Endless)
	if err == nil {
		kit.Same(found.Next(), false)
		err = found.Err()
	}
	kit.Same(status.Code(err), codes.Canceled)
	kit.WaitUntilIdle()
}

func main() {
	kit.Main(
		WritesLinesAndPoints,
		WritesOwnTypes,
		WritesByBothEndpointsAndCompressed,
		ReadsEveryTypeOnBothAddresses,
		TheSchemaTellsTheKinds,
		ReadsPointsByTheirMetadata,
		BindsParameters,
		StreamsALargeResult,
		ReadsAnEmptyResult,
		TellsTheVersion,
		ExplainsFailedQueries,
		ExplainsFailedWrites,
		NamesTheLinesOfAPartialWrite,
		AStreamIsLeftEarly,
		ADeadlineStopsAQuery,
		ACancelledQueryStops,
	)
}
