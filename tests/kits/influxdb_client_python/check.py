"""The client library of InfluxDB 2 for Python, as its users write with it and administer by it."""

import asyncio
import os
import uuid
from datetime import datetime, timezone

import pandas as pd
from influxdb_client import (
    BucketRetentionRules,
    InfluxDBClient,
    Permission,
    PermissionResource,
    Point,
    WriteOptions,
    WritePrecision,
)
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException

import kit

ORG = os.environ["TIDEMILL_ORG"]


def client(token=kit.TOKEN, **options):
    return InfluxDBClient(url=kit.URL, token=token, org=ORG, **options)


def fresh(name):
    """A name that nothing else has."""
    return f"{name} {uuid.uuid4().hex[:8]}"


def refused(status, text, call, *args, **kwargs):
    """Checks that a call fails with a status and a message, in the library's error."""
    try:
        call(*args, **kwargs)
    except (ApiException, InfluxDBError) as error:
        found = error.status if isinstance(error, ApiException) else error.response.status
        message = error.message or ""
        assert found == status and text in message, f"{found} {message}, not {status} {text}"
        return error
    raise AssertionError(f"no error {status} {text}")


def count(table, database=kit.DATABASE):
    return kit.rows(f"SELECT count(*) AS n FROM \"{table}\"", database)[0]["n"]


def is_healthy():
    with client() as c:
        health = c.health()
        kit.same((health.name, health.status, health.checks), ("influxdb", "pass", []))
        kit.same(health.message, "ready for queries and writes")
        assert c.ping()
        assert c.version().startswith("v"), c.version()
        kit.same(c.build().lower(), "oss")
        ready = c.ready()
        kit.same(ready.status, "ready")
        assert ready.started < datetime.now(timezone.utc)
    with InfluxDBClient(url="http://127.0.0.1:1", token="x", org="x") as nobody:
        assert not nobody.ping()


def writes_at_once():
    with client() as c, c.write_api(write_options=SYNCHRONOUS) as write:
        write.write(bucket=kit.DATABASE, record=kit.LINES)
        points = [Point("points").tag("host", "a").field("v", 1.25).field("n", 3).time(kit.BASE + n) for n in range(3)]
        write.write(bucket=kit.DATABASE, record=points)
        write.write(
            bucket=kit.DATABASE,
            record={"measurement": "points", "tags": {"host": "b"}, "fields": {"v": 2.5}, "time": 1_700_000_000},
            write_precision=WritePrecision.S,
        )
        write.write(bucket=kit.DATABASE, record=["points,host=c v=1 1700000000000", "points,host=d v=2 1700000000000"], write_precision="ms")
    kit.same(kit.rows(kit.SQL)[0]["u"], 18446744073709551615)
    found = kit.rows("SELECT host, count(*) AS n FROM points GROUP BY host ORDER BY host")
    kit.same([(row["host"], row["n"]) for row in found], [("a", 3), ("b", 1), ("c", 1), ("d", 1)])


def writes_compressed_and_by_the_bucket_s_id():
    with client(enable_gzip=True) as c, c.write_api(write_options=SYNCHRONOUS) as write:
        bucket = c.buckets_api().find_bucket_by_name(kit.DATABASE)
        lines = [f"packed,k={n % 7} v={n} {kit.BASE + n}" for n in range(5000)]
        write.write(bucket=bucket.id, org=c.organizations_api().find_organizations(org=ORG)[0].id, record=lines)
    kit.same(count("packed"), 5000)


def writes_in_batches():
    told = {"success": 0, "error": [], "retry": []}
    options = WriteOptions(batch_size=500, flush_interval=200, jitter_interval=0, retry_interval=100, max_retries=3)
    with client() as c:
        with c.write_api(
            write_options=options,
            success_callback=lambda conf, data: told.update(success=told["success"] + 1),
            error_callback=lambda conf, data, error: told["error"].append(error),
            retry_callback=lambda conf, data, error: told["retry"].append(error),
        ) as write:
            for n in range(10_000):
                write.write(bucket=kit.DATABASE, record=Point("batched").tag("k", str(n % 11)).field("v", n).time(kit.BASE + n))
            write.write(bucket=kit.DATABASE, record="batched,k=0 v=")
    kit.same(count("batched"), 10_000)
    kit.same((told["success"], len(told["error"]), told["retry"]), (20, 1, []))
    assert "unable to parse" in told["error"][0].message


def writes_data_frames():
    times = pd.date_range("2023-11-14T22:13:20Z", periods=1000, freq="10ms")
    frame = pd.DataFrame({"asset_id": [f"m{n % 4}" for n in range(1000)], "v": [n / 8 for n in range(1000)], "n": range(1000)}, index=times)
    frame.loc[times[3], "v"] = None
    with client() as c, c.write_api(write_options=SYNCHRONOUS) as write:
        write.write(bucket=kit.DATABASE, record=frame, data_frame_measurement_name="frame", data_frame_tag_columns=["asset_id"])
    found = kit.rows("SELECT count(*) AS n, count(v) AS v, count(DISTINCT asset_id) AS assets, sum(n) AS total FROM frame")
    kit.same(found, [{"n": 1000, "v": 999, "assets": 4, "total": 499500}])


def writes_asynchronously():
    async def run():
        async with InfluxDBClientAsync(url=kit.URL, token=kit.TOKEN, org=ORG, enable_gzip=True) as c:
            assert await c.ping()
            assert (await c.version()).startswith("v")
            write = c.write_api()
            points = [Point("async").tag("k", str(n % 3)).field("v", n).time(kit.BASE + n) for n in range(900)]
            done = await asyncio.gather(*(write.write(bucket=kit.DATABASE, record=points[at::9]) for at in range(9)))
            kit.same(done, [True] * 9)
            await c.delete_api().delete("2023-01-01T00:00:00Z", "2024-01-01T00:00:00Z", 'k="0"', kit.DATABASE)
            try:
                await write.write(bucket="nowhere", record="m v=1")
                raise AssertionError("written nowhere")
            except ApiException as error:
                kit.same((error.status, error.message), (404, 'bucket "nowhere" not found'))

    asyncio.run(run())
    kit.same(count("async"), 600)


def explains_what_is_wrong():
    with client() as c, c.write_api(write_options=SYNCHRONOUS) as write:
        put = lambda record, bucket=kit.DATABASE: write.write(bucket=bucket, record=record)
        error = refused(400, "unable to parse", put, "types,host=a f= 1")
        assert "missing field value" in error.message, error.message
        kit.same(error.headers["X-Platform-Error-Code"], "invalid")
        kit.same(error.headers["X-Influxdb-Build"], "OSS")
        assert error.headers["X-Influxdb-Version"].startswith("v") and error.headers["Date"]
        assert int(error.headers["Content-Length"]) > 0
        refused(422, "field type conflict", put, f'types f="text" {kit.BASE}')
        refused(404, 'bucket "nowhere" not found', put, "m v=1", "nowhere")
        kit.raises(Exception, "", c.query_api().query, 'from(bucket: "x") |> range(start: 0)')
    with client(token="wrong") as c, c.write_api(write_options=SYNCHRONOUS) as write:
        refused(401, "unauthorized access", write.write, bucket=kit.DATABASE, record="m v=1")
        refused(401, "unauthorized access", c.buckets_api().find_buckets)


def a_bad_line_does_not_take_the_others_along():
    with client() as c, c.write_api(write_options=SYNCHRONOUS) as write:
        lines = [f"mixed v={n} {kit.BASE + n}" for n in range(100)]
        lines.insert(50, "mixed v=one 1")
        refused(400, "unable to parse 'mixed v=one 1'", write.write, bucket=kit.DATABASE, record=lines)
    kit.same(count("mixed"), 100)


def asks_for_buckets_by_flux():
    with client() as c:
        tables = c.query_api().query("buckets()")
        names = [record["name"] for table in tables for record in table.records]
        assert kit.DATABASE in names, names


def manages_buckets():
    with client() as c:
        buckets, name = c.buckets_api(), fresh("bucket")
        made = buckets.create_bucket(bucket_name=name, description="of a kit", retention_rules=BucketRetentionRules(type="expire", every_seconds=3600), org=ORG)
        kit.same((made.name, made.description, made.retention_rules[0].every_seconds, made.type), (name, "of a kit", 3600, "user"))
        kit.same(len(made.id), 16)
        kit.same(made.links["self"] if isinstance(made.links, dict) else made.links._self, f"/api/v2/buckets/{made.id}")
        kit.same(buckets.find_bucket_by_id(made.id).name, name)
        kit.same(buckets.find_bucket_by_name(name).id, made.id)
        kit.same(buckets.find_bucket_by_name(fresh("nothing")), None)
        refused(422, f"bucket with name {name} already exists", buckets.create_bucket, bucket_name=name, org=ORG)
        made.description, made.retention_rules = "changed", [BucketRetentionRules(type="expire", every_seconds=7200)]
        changed = buckets.update_bucket(made)
        kit.same((changed.description, changed.retention_rules[0].every_seconds), ("changed", 7200))
        others = [buckets.create_bucket(bucket_name=fresh("paged"), org=ORG) for _ in range(5)]
        listed = {bucket.id for bucket in buckets.find_buckets_iter(limit=2)}
        assert {made.id, *(other.id for other in others)} <= listed, listed
        kit.same(len(buckets.find_buckets(limit=2).buckets), 2)
        for bucket in [made, *others]:
            buckets.delete_bucket(bucket)
        refused(404, "bucket not found", buckets.find_bucket_by_id, made.id)


def manages_organizations_users_and_labels():
    with client() as c:
        organizations, users, labels = c.organizations_api(), c.users_api(), c.labels_api()
        made = organizations.create_organization(name=fresh("org"))
        kit.same(organizations.find_organization(made.id).description, "")
        kit.same([found.id for found in organizations.find_organizations(org=made.name)], [made.id])
        made.description = "changed"
        kit.same(organizations.update_organization(made).description, "changed")
        refused(404, 'organization name "nobody\'s" not found', organizations.find_organizations, org="nobody's")

        user = users.create_user(fresh("user"))
        kit.same((user.status, users.find_users(name=user.name).users[0].id), ("active", user.id))
        users.update_password(user, "long enough 1")
        refused(400, "at least 8 characters", users.update_password, user, "short")

        label = labels.create_label(fresh("label"), made.id, {"color": "ff0000", "gone": "soon"})
        kit.same((label.org_id, label.properties["color"]), (made.id, "ff0000"))
        label.properties = {"color": "00ff00", "gone": ""}
        kit.same(labels.update_label(label).properties, {"color": "00ff00"})
        kit.same([found.id for found in labels.find_label_by_org(made.id)], [label.id])
        labels.delete_label(label)
        refused(404, "label not found", labels.find_label_by_id, label.id)
        users.delete_user(user)
        organizations.delete_organization(made.id)
        refused(404, "organization not found", organizations.find_organization, made.id)


def a_user_signs_in():
    with client() as c:
        user, password = c.users_api().create_user(fresh("person")), "correct horse"
        c.users_api().update_password(user, password)
        kit.call("POST", f"/api/v2/orgs/{c.organizations_api().find_organizations(org=ORG)[0].id}/owners", {"id": user.id})
    with InfluxDBClient(url=kit.URL, username=user.name, password=password, org=ORG) as c:
        kit.same(c.users_api().me().name, user.name)
        with c.write_api(write_options=SYNCHRONOUS) as write:
            write.write(bucket=kit.DATABASE, record=f"signed_in v=1 {kit.BASE}")
    kit.same(count("signed_in"), 1)
    with InfluxDBClient(url=kit.URL, username=user.name, password="wrong", org=ORG) as c:
        refused(401, "", c.users_api().me)


def tokens_reach_as_far_as_their_permissions():
    with client() as c:
        authorizations, org = c.authorizations_api(), c.organizations_api().find_organizations(org=ORG)[0]
        bucket = c.buckets_api().find_bucket_by_name(kit.DATABASE)
        other = c.buckets_api().create_bucket(bucket_name=fresh("other"), org=ORG)
        on = lambda action: Permission(action=action, resource=PermissionResource(org_id=org.id, type="buckets", id=bucket.id))
        made = {action: authorizations.create_authorization(org_id=org.id, permissions=[on(action)]) for action in ["read", "write"]}
        kit.same((made["read"].org, made["read"].status, len(made["read"].permissions)), (ORG, "active", 1))
        assert made["read"].token and authorizations.find_authorization_by_id(made["read"].id).token is None
        listed = {found.id for found in authorizations.find_authorizations(org=ORG)}
        assert {token.id for token in made.values()} <= listed

    def write(token, name):
        with client(token=token) as c, c.write_api(write_options=SYNCHRONOUS) as api:
            api.write(bucket=name, record=f"scoped v=1 {kit.BASE}")

    def read(token, name):
        kit.call("POST", "/api/v3/query_sql", {"db": name, "q": "SELECT * FROM scoped", "format": "json"}, token)

    writer, reader = made["write"].token, made["read"].token
    write(writer, kit.DATABASE)
    read(reader, kit.DATABASE)
    refused(403, "", write, reader, kit.DATABASE)
    kit.raises(Exception, "403", read, writer, kit.DATABASE)
    kit.raises(Exception, "", write, writer, other.name)
    kit.raises(Exception, "", read, reader, other.name)

    with client() as c:
        authorizations = c.authorizations_api()
        paused = made["write"]
        paused.status = "inactive"
        kit.same(authorizations.update_authorization(paused).status, "inactive")
        refused(401, "unauthorized access", write, writer, kit.DATABASE)
        paused.status = "active"
        authorizations.update_authorization(paused)
        write(writer, kit.DATABASE)
        authorizations.delete_authorization(paused)
        refused(401, "unauthorized access", write, writer, kit.DATABASE)
        refused(404, "authorization not found", authorizations.find_authorization_by_id, paused.id)
        c.buckets_api().delete_bucket(other)


def deletes_rows():
    with client() as c, c.write_api(write_options=SYNCHRONOUS) as write:
        write.write(bucket=kit.DATABASE, record=[f"doomed,k={n % 2} v={n} {kit.BASE + n}" for n in range(10)])
        start, stop = datetime(2023, 1, 1, tzinfo=timezone.utc), datetime(2024, 1, 1, tzinfo=timezone.utc)
        c.delete_api().delete(start, stop, '_measurement="doomed" AND k="1"', bucket=kit.DATABASE, org=ORG)
        kit.same(count("doomed"), 5)
        refused(400, "error parsing predicate", c.delete_api().delete, start, stop, "k != 1", kit.DATABASE)
        c.delete_api().delete(start, stop, '_measurement="doomed"', bucket=kit.DATABASE)
    kit.same(count("doomed"), 0)


kit.main(
    [
        is_healthy,
        writes_at_once,
        writes_compressed_and_by_the_bucket_s_id,
        writes_in_batches,
        writes_data_frames,
        writes_asynchronously,
        explains_what_is_wrong,
        a_bad_line_does_not_take_the_others_along,
        asks_for_buckets_by_flux,
        manages_buckets,
        manages_organizations_users_and_labels,
        a_user_signs_in,
        tokens_reach_as_far_as_their_permissions,
        deletes_rows,
    ]
)
