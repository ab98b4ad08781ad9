// The client library of InfluxDB 2 for Go, which Grafana's data source and many collectors use.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	influxdb "github.com/influxdata/influxdb-client-go/v2"
	influxhttp "github.com/influxdata/influxdb-client-go/v2/api/http"
	"github.com/influxdata/influxdb-client-go/v2/api/write"
	"github.com/influxdata/influxdb-client-go/v2/domain"

	"kit"
)

var (
	background = context.Background()
	org        = os.Getenv("TIDEMILL_ORG")
)

func client(token string) influxdb.Client {
	options := influxdb.DefaultOptions().SetUseGZip(true).SetLogLevel(0)
	return influxdb.NewClientWithOptions(kit.URL, token, options)
}

// with gives a client for as long as it is used.
func with(use func(influxdb.Client)) {
	c := client(kit.Token)
	defer c.Close()
	use(c)
}

func fresh(name string) string {
	random := make([]byte, 4)
	kit.Must(rand.Read(random))
	return name + " " + hex.EncodeToString(random)
}

func pointer[T any](value T) *T { return &value }

// rows are those of a query, whose language the library does not know.
func rows(sql string) []map[string]any {
	body := kit.Must(json.Marshal(map[string]string{"db": kit.Database, "q": sql, "format": "json"}))
	request := kit.Must(http.NewRequest("POST", kit.URL+"/api/v3/query_sql", bytes.NewReader(body)))
	request.Header.Set("Authorization", "Bearer "+kit.Token)
	response := kit.Must(http.DefaultClient.Do(request))
	defer response.Body.Close()
	text := kit.Must(io.ReadAll(response.Body))
	kit.Same(response.StatusCode, 200)
	found := []map[string]any{}
	kit.Ok(json.Unmarshal(text, &found))
	return found
}

func count(table string) int {
	return int(rows(fmt.Sprintf("SELECT count(*) AS n FROM %q", table))[0]["n"].(float64))
}

// refused checks that a call fails with a status and a text, in the library's error.
func refused(status int, text string, err error) *influxhttp.Error {
	kit.Fails(err, text)
	var refusal *influxhttp.Error
	if !errors.As(err, &refusal) {
		panic(fmt.Sprintf("not the library's error: %#v", err))
	}
	kit.Same(refusal.StatusCode, status)
	return refusal
}

func IsHealthy() {
	with(func(c influxdb.Client) {
		health := kit.Must(c.Health(background))
		kit.Same(health.Status, domain.HealthCheckStatusPass)
		kit.Same(*health.Message, "ready for queries and writes")
		kit.Same(kit.Must(c.Ping(background)), true)
		ready := kit.Must(c.Ready(background))
		kit.Same(*ready.Status, domain.ReadyStatusReady)
		kit.Same(ready.Started.Before(time.Now()), true)
	})
}

func WritesAtOnce() {
	with(func(c influxdb.Client) {
		at := c.WriteAPIBlocking(org, kit.Database)
		kit.Ok(at.WriteRecord(background, kit.Lines))
		point := influxdb.NewPoint("points", map[string]string{"host": "a"},
			map[string]any{"v": 1.25, "n": 3, "u": uint64(4), "ok": true}, time.Unix(0, kit.Base))
		kit.Ok(at.WritePoint(background, point))
		at.EnableBatching()
		for n := range 100 {
			next := influxdb.NewPointWithMeasurement("batched").AddField("v", n).SetTime(time.Unix(0, kit.Base+int64(n)))
			kit.Ok(at.WritePoint(background, next))
		}
		kit.Ok(at.Flush(background))
	})
	kit.Same(count("types"), 3)
	kit.Same(rows("SELECT v, n, u, ok FROM points"), []map[string]any{{"v": 1.25, "n": 3.0, "u": 4.0, "ok": true}})
	kit.Same(count("batched"), 100)
}

func WritesInTheBackground() {
	c := client(kit.Token)
	c.Options().SetBatchSize(500).SetFlushInterval(50)
	at := c.WriteAPI(org, kit.Database)
	problems := []error{}
	done := make(chan bool)
	go func() {
		for problem := range at.Errors() {
			problems = append(problems, problem)
		}
		close(done)
	}()
	for n := range 10_000 {
		at.WritePoint(write.NewPoint("background", map[string]string{"k": fmt.Sprint(n % 7)},
			map[string]any{"v": n}, time.Unix(0, kit.Base+int64(n))))
	}
	at.Flush()
	c.Close()
	<-done
	kit.Same(problems, []error{})
	kit.Same(count("background"), 10_000)
}

func ExplainsFailedWrites() {
	with(func(c influxdb.Client) {
		at := c.WriteAPIBlocking(org, kit.Database)
		refusal := refused(400, "missing field value", at.WriteRecord(background, "types,host=a f="))
		kit.Same(refusal.Code, "invalid")
		kit.Same(refusal.Header.Get("X-Influxdb-Version")[:1], "v")
		refused(422, "field type conflict", at.WriteRecord(background, `types f="text"`))
		refused(404, `bucket "nowhere" not found`, c.WriteAPIBlocking(org, "nowhere").WriteRecord(background, "m v=1"))
	})
	stranger := client("wrong")
	defer stranger.Close()
	refused(401, "unauthorized", stranger.WriteAPIBlocking(org, kit.Database).WriteRecord(background, "m v=1"))
}

func AsksForBucketsByFlux() {
	with(func(c influxdb.Client) {
		found := kit.Must(c.QueryAPI(org).Query(background, "buckets()"))
		names := []string{}
		for found.Next() {
			names = append(names, found.Record().ValueByKey("name").(string))
		}
		kit.Ok(found.Err())
		kit.Same(strings.Contains(strings.Join(names, "\n"), kit.Database), true)
		_, err := c.QueryAPI(org).Query(background, `from(bucket: "x")`)
		refused(501, "not implemented", err)
	})
}

func SetupIsOver() {
	with(func(c influxdb.Client) {
		_, err := c.Setup(background, "user", "long enough 1", "org", "bucket", 0)
		kit.Fails(err, "conflict: onboarding has already been completed")
	})
}

func ManagesBuckets() {
	with(func(c influxdb.Client) {
		owner := kit.Must(c.OrganizationsAPI().FindOrganizationByName(background, org))
		buckets := c.BucketsAPI()
		hour := domain.RetentionRule{EverySeconds: 3600}
		made := kit.Must(buckets.CreateBucketWithName(background, owner, fresh("bucket"), hour))
		kit.Same(made.RetentionRules[0].EverySeconds, int64(3600))
		kit.Same(*made.OrgID, *owner.Id)
		_, err := buckets.CreateBucketWithName(background, owner, made.Name)
		kit.Fails(err, fmt.Sprintf("bucket with name %s already exists", made.Name))
		made.Description = pointer("changed")
		made.RetentionRules = domain.RetentionRules{{EverySeconds: 7200}}
		changed := kit.Must(buckets.UpdateBucket(background, made))
		kit.Same([]any{*changed.Description, changed.RetentionRules[0].EverySeconds}, []any{"changed", int64(7200)})
		found := kit.Must(buckets.FindBucketByName(background, made.Name))
		kit.Same(*found.Id, *made.Id)
		kit.Same(len(*kit.Must(buckets.FindBucketsByOrgName(background, org))) > 0, true)

		user := kit.Must(c.UsersAPI().CreateUserWithName(background, fresh("user")))
		kit.Must(buckets.AddOwner(background, made, user))
		owners := kit.Must(buckets.GetOwners(background, made))
		kit.Same(*(*owners)[0].Id, *user.Id)
		kit.Ok(buckets.RemoveOwner(background, made, user))
		kit.Same(len(*kit.Must(buckets.GetOwners(background, made))), 0)
		kit.Ok(c.UsersAPI().DeleteUser(background, user))
		kit.Ok(buckets.DeleteBucket(background, made))
		_, err = buckets.FindBucketByID(background, *made.Id)
		kit.Fails(err, "bucket not found")
	})
}

func ManagesOrganizationsAndLabels() {
	with(func(c influxdb.Client) {
		organizations, labels := c.OrganizationsAPI(), c.LabelsAPI()
		made := kit.Must(organizations.CreateOrganizationWithName(background, fresh("org")))
		made.Description = pointer("changed")
		made = kit.Must(organizations.UpdateOrganization(background, made))
		kit.Same(*made.Description, "changed")
		user := kit.Must(c.UsersAPI().CreateUserWithName(background, fresh("user")))
		kit.Must(organizations.AddMember(background, made, user))
		kit.Same(len(*kit.Must(organizations.GetMembers(background, made))), 1)
		kit.Ok(organizations.RemoveMember(background, made, user))
		_, err := organizations.FindOrganizationByName(background, "nobody's")
		kit.Fails(err, "not found")

		label := kit.Must(labels.CreateLabelWithName(background, made, fresh("label"), map[string]string{"color": "red"}))
		label.Properties.AdditionalProperties["color"] = "blue"
		label = kit.Must(labels.UpdateLabel(background, label))
		kit.Same(label.Properties.AdditionalProperties, map[string]string{"color": "blue"})
		kit.Same(*kit.Must(labels.FindLabelByName(background, *made.Id, *label.Name)).Id, *label.Id)
		kit.Ok(labels.DeleteLabel(background, label))
		kit.Ok(c.UsersAPI().DeleteUser(background, user))
		kit.Ok(organizations.DeleteOrganization(background, made))
	})
}

func MakesTokens() {
	with(func(c influxdb.Client) {
		owner := kit.Must(c.OrganizationsAPI().FindOrganizationByName(background, org))
		bucket := kit.Must(c.BucketsAPI().FindBucketByName(background, kit.Database))
		permission := domain.Permission{
			Action:   domain.PermissionActionWrite,
			Resource: domain.Resource{Type: domain.ResourceTypeBuckets, Id: bucket.Id, OrgID: owner.Id},
		}
		authorizations := c.AuthorizationsAPI()
		made := kit.Must(authorizations.CreateAuthorizationWithOrgID(background, *owner.Id, []domain.Permission{permission}))
		kit.Same([]any{*made.Org, *made.Status}, []any{org, domain.AuthorizationUpdateRequestStatusActive})
		scoped := client(*made.Token)
		defer scoped.Close()
		kit.Ok(scoped.WriteAPIBlocking(org, kit.Database).WriteRecord(background, "scoped v=1"))
		paused := kit.Must(authorizations.UpdateAuthorizationStatus(background, made, domain.AuthorizationUpdateRequestStatusInactive))
		kit.Same(*paused.Status, domain.AuthorizationUpdateRequestStatusInactive)
		refused(401, "unauthorized", scoped.WriteAPIBlocking(org, kit.Database).WriteRecord(background, "scoped v=1"))
		kit.Ok(authorizations.DeleteAuthorization(background, made))
	})
}

func SignsIn() {
	with(func(c influxdb.Client) {
		user := kit.Must(c.UsersAPI().CreateUserWithName(background, fresh("person")))
		kit.Ok(c.UsersAPI().UpdateUserPassword(background, user, "correct horse"))
		person := influxdb.NewClient(kit.URL, "")
		defer person.Close()
		kit.Fails(person.UsersAPI().SignIn(background, user.Name, "wrong"), "unauthorized")
		kit.Ok(person.UsersAPI().SignIn(background, user.Name, "correct horse"))
		kit.Same(kit.Must(person.UsersAPI().Me(background)).Name, user.Name)
		kit.Ok(person.UsersAPI().SignOut(background))
		_, err := person.UsersAPI().Me(background)
		kit.Fails(err, "unauthorized")
		kit.Ok(c.UsersAPI().DeleteUser(background, user))
	})
}

func DeletesRows() {
	with(func(c influxdb.Client) {
		at := c.WriteAPIBlocking(org, kit.Database)
		kit.Ok(at.WriteRecord(background, "doomed,k=a v=1 1", "doomed,k=b v=2 2"))
		from, to := time.Unix(0, 0), time.Unix(10, 0)
		kit.Ok(c.DeleteAPI().DeleteWithName(background, org, kit.Database, from, to, `_measurement="doomed" AND k="a"`))
		kit.Same(rows("SELECT k FROM doomed"), []map[string]any{{"k": "b"}})
		kit.Fails(c.DeleteAPI().DeleteWithName(background, org, "nowhere", from, to, ""), "not found")
	})
}

func main() {
	kit.Main(
		IsHealthy,
		WritesAtOnce,
		WritesInTheBackground,
		ExplainsFailedWrites,
		AsksForBucketsByFlux,
		SetupIsOver,
		ManagesBuckets,
		ManagesOrganizationsAndLabels,
		MakesTokens,
		SignsIn,
		DeletesRows,
	)
}
