"""How a maintenance dashboard uploads: settings in a `.env`, sensors at 100 Hz into the bucket `sensor_data`, one token
that only writes and one that only reads, tokens replaced while data flows, and a health check that says whether the
database is there.
"""

import math
import os
import tempfile
import threading
import urllib.error
from pathlib import Path

from influxdb_client import InfluxDBClient, Permission, PermissionResource, Point, WriteOptions
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException

import kit

ORG, BUCKET = os.environ["TIDEMILL_ORG"], "sensor_data"
ASSETS = [f"motor-{n}" for n in range(1, 5)]
HERTZ, SECONDS = 100, 30
STEP = 1_000_000_000 // HERTZ
# The token that is written with.
writer = None
ENV = Path(tempfile.mkdtemp(prefix="tidemill-dashboard-")) / ".env"


def settings():
    """What the `.env` says."""
    lines = ENV.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def save(**changes):
    values = (settings() if ENV.exists() else {}) | changes
    # Put in place whole: an upload may be reading it.
    new = ENV.with_suffix(".new")
    new.write_text("# of the dashboard\n" + "".join(f"{name}={value}\n" for name, value in values.items()))
    new.replace(ENV)


def client(token="INFLUXDB_WRITE_TOKEN", **options):
    found = settings()
    return InfluxDBClient(url=found["INFLUXDB_URL"], token=found[token], org=found["INFLUXDB_ORG"], **options)


def admin():
    return InfluxDBClient(url=kit.URL, token=kit.TOKEN, org=ORG)


def health():
    """What the dashboard's own health check says."""
    with client() as c:
        return {"status": "ok", "db_connected": c.ping()}


def reading(asset, at):
    """One line of all sensors of a motor; slow waves, a fault in one of them."""
    seconds, phase = at / HERTZ, ASSETS.index(asset)
    voltage = 230 + 2 * math.sin(seconds / 3 + phase)
    current = 12 + math.sin(seconds + phase) + (6 if asset == "motor-2" and at % 997 == 0 else 0)
    factor = 0.92 + 0.03 * math.cos(seconds / 5)
    return (
        Point(BUCKET)
        .tag("asset_id", asset)
        .tag("operating_state", "RUNNING")
        .field("voltage_v", voltage)
        .field("current_a", current)
        .field("power_factor", factor)
        .field("vibration_g", 0.2 + 0.05 * math.sin(seconds * 7 + phase))
        .field("power_kw", voltage * current * factor / 1000)
        .time(kit.BASE + at * STEP)
    )


def new_token(action):
    with admin() as c:
        org = c.organizations_api().find_organizations(org=ORG)[0]
        bucket = c.buckets_api().find_bucket_by_name(BUCKET)
        resource = PermissionResource(type="buckets", id=bucket.id, org_id=org.id)
        return c.authorizations_api().create_authorization(org_id=org.id, permissions=[Permission(action=action, resource=resource)])


def ask(sql, token="INFLUXDB_READ_TOKEN"):
    return kit.call("POST", "/api/v3/query_sql", {"db": BUCKET, "q": sql, "format": "json"}, settings()[token])


def is_set_up():
    with admin() as c:
        c.buckets_api().create_bucket(bucket_name=BUCKET, org=ORG, description="of all motors")
    save(INFLUXDB_URL=kit.URL, INFLUXDB_ORG=ORG, INFLUXDB_BUCKET=BUCKET)
    global writer
    writer = new_token("write")
    save(INFLUXDB_WRITE_TOKEN=writer.token, INFLUXDB_READ_TOKEN=new_token("read").token)
    kit.same(health(), {"status": "ok", "db_connected": True})


def uploads_at_100_hertz():
    failures = []
    options = WriteOptions(batch_size=1000, flush_interval=500, jitter_interval=0)
    failed = lambda conf, data, error: failures.append(error)
    with client(enable_gzip=True) as c, c.write_api(write_options=options, error_callback=failed) as write:
        for at in range(HERTZ * SECONDS):
            write.write(bucket=settings()["INFLUXDB_BUCKET"], record=[reading(asset, at) for asset in ASSETS])
    kit.same(failures, [])
    found = ask(f"SELECT asset_id, count(*) AS n FROM {BUCKET} GROUP BY asset_id ORDER BY asset_id")
    kit.same(found, [{"asset_id": asset, "n": HERTZ * SECONDS} for asset in ASSETS])


def shows_what_was_uploaded():
    sql = f"SELECT max(abs(power_kw - voltage_v * current_a * power_factor / 1000)) AS wrong, rms(vibration_g) AS rms FROM {BUCKET}"
    found = ask(sql)[0]
    assert found["wrong"] < 1e-12 and 0.19 < found["rms"] < 0.22, found
    sql = f"""SELECT asset_id, sum(spikes) AS spikes FROM (
        SELECT asset_id, spike_count(current_a, 3.0) OVER (PARTITION BY asset_id ORDER BY time ROWS 9 PRECEDING) AS spikes FROM {BUCKET}
      ) WHERE spikes > 0 GROUP BY asset_id"""
    assert "motor-2" in [row["asset_id"] for row in ask(sql)]


def tokens_do_what_they_are_for_and_no_more():
    kit.raises(urllib.error.HTTPError, "403", ask, f"SELECT * FROM {BUCKET} LIMIT 1", "INFLUXDB_WRITE_TOKEN")
    for token, bucket in [("INFLUXDB_READ_TOKEN", BUCKET), ("INFLUXDB_WRITE_TOKEN", kit.DATABASE)]:
        with client(token) as c, c.write_api(write_options=SYNCHRONOUS) as write:
            kit.raises((ApiException, InfluxDBError), "", write.write, bucket=bucket, record="m v=1")
    with client("INFLUXDB_WRITE_TOKEN") as c:
        kit.raises((ApiException, InfluxDBError), "", c.buckets_api().create_bucket, bucket_name="mine", org=ORG)


def tokens_are_replaced_while_data_flows():
    global writer
    stop, sent, failures = threading.Event(), [], []

    def upload():
        at = HERTZ * SECONDS
        while not stop.is_set():
            # Each time with what the `.env` says then.
            with client() as c, c.write_api(write_options=SYNCHRONOUS) as write:
                try:
                    write.write(bucket=BUCKET, record=[reading(asset, at) for asset in ASSETS])
                    sent.append(at)
                except Exception as error:
                    failures.append(error)
            at += 1

    old = settings()["INFLUXDB_WRITE_TOKEN"]
    uploading = threading.Thread(target=upload)
    uploading.start()
    try:
        for _ in range(3):
            count = len(sent)
            new = new_token("write")
            save(INFLUXDB_WRITE_TOKEN=new.token)
            # What is under way with the old one has come to its end after two more.
            kit.wait_for("the new token is in use", lambda: len(sent) >= count + 3)
            with admin() as c:
                c.authorizations_api().delete_authorization(writer.id)
            writer = new
            count = len(sent)
            kit.wait_for("the upload goes on", lambda: len(sent) >= count + 3)
    finally:
        stop.set()
        uploading.join()
    kit.same(failures, [])
    kit.same(ask(f"SELECT count(*) AS n FROM {BUCKET}"), [{"n": (HERTZ * SECONDS + len(sent)) * len(ASSETS)}])
    current = settings()["INFLUXDB_WRITE_TOKEN"]
    save(INFLUXDB_WRITE_TOKEN=old)
    with client() as c, c.write_api(write_options=SYNCHRONOUS) as write:
        kit.raises((ApiException, InfluxDBError), "401", write.write, bucket=BUCKET, record="m v=1")
    save(INFLUXDB_WRITE_TOKEN=current)


def the_health_check_says_when_the_database_is_away():
    save(INFLUXDB_URL="http://127.0.0.1:1")
    kit.same(health(), {"status": "ok", "db_connected": False})
    save(INFLUXDB_URL=kit.URL)
    kit.same(health(), {"status": "ok", "db_connected": True})


kit.main(
    [
        is_set_up,
        uploads_at_100_hertz,
        shows_what_was_uploaded,
        tokens_do_what_they_are_for_and_no_more,
        tokens_are_replaced_while_data_flows,
        the_health_check_says_when_the_database_is_away,
    ]
)
