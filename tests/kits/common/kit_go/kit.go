// Package kit is what the kits in Go share: where the server is, the rows they expect, how they report. It is what
// kit.py is for those in Python.
package kit

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// Where the server is, from the environment; the database is there and empty.
var (
	URL      = variable("TIDEMILL_URL")
	V3URL    = variable("TIDEMILL_V3_URL")
	Token    = variable("TIDEMILL_TOKEN")
	Database = variable("TIDEMILL_DATABASE")
)

// Base is the time of the first row of Lines.
const Base int64 = 1_700_000_000_000_000_000

// Lines hold every type, and a NULL of every type.
var Lines = fmt.Sprintf(`types,host=a f=1.5,i=-2i,u=18446744073709551615u,b=true,s="x y" %d
types,host=b,region=r\ 1 f=-1e300 %d
types,region=é s="é\"q",b=false,i=9223372036854775807i %d`, Base, Base+1, Base+2)

// SQL asks for Lines; they come as Rows.
const SQL = "SELECT host, region, f, i, u, b, s, time FROM types ORDER BY time"

// Columns are those of SQL.
var Columns = []string{"host", "region", "f", "i", "u", "b", "s", "time"}

// Rows are those of SQL, with the time in nanoseconds.
var Rows = [][]any{
	{"a", nil, 1.5, int64(-2), uint64(18446744073709551615), true, "x y", Base},
	{"b", "r 1", -1e300, nil, nil, nil, nil, Base + 1},
	{nil, "é", nil, int64(9223372036854775807), nil, false, `é"q`, Base + 2},
}

// Kinds are what clients tell tags from fields by: the columns' metadata "iox::column::type".
var Kinds = map[string]string{
	"host":   "iox::column_type::tag",
	"region": "iox::column_type::tag",
	"f":      "iox::column_type::field::float",
	"i":      "iox::column_type::field::integer",
	"u":      "iox::column_type::field::uinteger",
	"b":      "iox::column_type::field::boolean",
	"s":      "iox::column_type::field::string",
	"time":   "iox::column_type::timestamp",
}

// Large gives LargeRows rows; the sum of their n is LargeSum.
const (
	LargeRows int64 = 1_000_000
	LargeSum  int64 = LargeRows * (LargeRows + 1) / 2
	Large           = "SELECT value AS n, value * 0.5 AS half, 'row ' || value AS name FROM generate_series(1, 1000000)"
)

// Endless computes, EndlessRows gives rows, for minutes if nothing stops it.
const (
	Endless     = "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b"
	EndlessRows = "SELECT a.value AS n FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b"
)

func variable(name string) string {
	value := os.Getenv(name)
	if value == "" {
		fmt.Fprintf(os.Stderr, "%s is not in the environment; start this by tests/kits/run\n", name)
		os.Exit(1)
	}
	return value
}

// Write writes line protocol over HTTP, for kits whose client cannot write.
func Write(lines string) {
	query := url.Values{"db": {Database}, "precision": {"nanosecond"}}
	call("POST", "/api/v3/write_lp?"+query.Encode(), lines)
}

var running = regexp.MustCompile(`(?m)^tidemill_queries_running (\d+)$`)

// RunningQueries is how many queries the server runs, by its own figures.
func RunningQueries() int {
	found := running.FindStringSubmatch(call("GET", "/metrics", ""))
	if found == nil {
		panic("the server does not tell how many queries run")
	}
	return Must(strconv.Atoi(found[1]))
}

func call(method, path, body string) string {
	request := Must(http.NewRequest(method, URL+path, strings.NewReader(body)))
	request.Header.Set("Authorization", "Bearer "+Token)
	response := Must(http.DefaultClient.Do(request))
	defer response.Body.Close()
	text := string(Must(io.ReadAll(response.Body)))
	if response.StatusCode >= 300 {
		panic(fmt.Sprintf("%s %s: %s: %s", method, path, response.Status, text))
	}
	return text
}

// WaitFor asks again and again until it is so.
func WaitFor(what string, done func() bool) {
	const patience = 30 * time.Second
	for deadline := time.Now().Add(patience); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			panic(fmt.Sprintf("still not so after %s: %s", patience, what))
		}
	}
}

// WaitUntilIdle waits until the server runs no query.
func WaitUntilIdle() {
	WaitFor("the query has ended", func() bool { return RunningQueries() == 0 })
}

// Same fails the check if the values differ.
func Same(found, expected any) {
	if !reflect.DeepEqual(found, expected) {
		panic(fmt.Sprintf("found %#v, expected %#v", found, expected))
	}
}

// Ok fails the check if there is an error.
func Ok(err error) {
	if err != nil {
		panic(err)
	}
}

// Must gives a value that came without an error.
func Must[T any](value T, err error) T {
	Ok(err)
	return value
}

// Fails fails the check unless there is an error whose message holds a text.
func Fails(err error, text string) {
	if err == nil {
		panic(fmt.Sprintf("no error; '%s' was expected", text))
	}
	if !strings.Contains(err.Error(), text) {
		panic(fmt.Sprintf("'%s' is not in '%s'", text, err))
	}
}

// Main runs checks one after another, says how they went, and ends the program.
func Main(checks ...func()) {
	failed := 0
	for _, check := range checks {
		name := runtime.FuncForPC(reflect.ValueOf(check).Pointer()).Name()
		if !passes(strings.TrimPrefix(name, "main."), check) {
			failed++
		}
	}
	fmt.Printf("%d passed, %d failed\n", len(checks)-failed, failed)
	if failed > 0 {
		os.Exit(1)
	}
}

func passes(name string, check func()) (passed bool) {
	started := time.Now()
	defer func() {
		if problem := recover(); problem != nil {
			fmt.Printf("FAIL  %s\n%v\n%s", name, problem, debug.Stack())
			passed = false
		}
	}()
	check()
	fmt.Printf("ok    %s (%.2f s)\n", name, time.Since(started).Seconds())
	return true
}
