// The client library of InfluxDB 2 for Java.

import com.influxdb.annotations.Column;
import com.influxdb.annotations.Measurement;
import com.influxdb.client.InfluxDBClient;
import com.influxdb.client.InfluxDBClientFactory;
import com.influxdb.client.InfluxDBClientOptions;
import com.influxdb.client.WriteOptions;
import com.influxdb.client.domain.Authorization;
import com.influxdb.client.domain.Bucket;
import com.influxdb.client.domain.BucketRetentionRules;
import com.influxdb.client.domain.DBRPCreate;
import com.influxdb.client.domain.HealthCheck;
import com.influxdb.client.domain.Organization;
import com.influxdb.client.domain.Permission;
import com.influxdb.client.domain.PermissionResource;
import com.influxdb.client.domain.WritePrecision;
import com.influxdb.client.service.DbrPsService;
import com.influxdb.client.write.Point;
import com.influxdb.client.write.events.WriteErrorEvent;
import com.influxdb.client.write.events.WriteSuccessEvent;
import com.influxdb.exceptions.InfluxException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;

final class Check {
  private static final String ORG = System.getenv("TIDEMILL_ORG");

  private Check() {}

  @Measurement(name = "readings")
  static final class Reading {
    @Column(tag = true)
    String host;

    @Column Double value;

    @Column(timestamp = true)
    Instant time;

    Reading(String host, double value, Instant time) {
      this.host = host;
      this.value = value;
      this.time = time;
    }
  }

  private interface Use {
    void with(InfluxDBClient client) throws Exception;
  }

  private static InfluxDBClientOptions.Builder options() {
    return InfluxDBClientOptions.builder().url(Kit.URL).org(ORG).bucket(Kit.DATABASE);
  }

  private static void client(Use use) throws Exception {
    client(Kit.TOKEN, use);
  }

  private static void client(String token, Use use) throws Exception {
    try (var client = InfluxDBClientFactory.create(options().authenticateToken(token.toCharArray()).build())) {
      use.with(client);
    }
  }

  private static String fresh(String name) {
    return name + " " + UUID.randomUUID().toString().substring(0, 8);
  }

  /** Checks that an action fails with a status and a text. */
  private static void refused(int status, String text, Kit.Action action) throws Exception {
    try {
      action.run();
    } catch (InfluxException error) {
      Kit.same(error.status(), status);
      Kit.isTrue(error.getMessage().contains(text), "'" + text + "' is not in '" + error.getMessage() + "'");
      return;
    }
    throw new AssertionError("no error; '" + text + "' was expected");
  }

  private static void count(String table, int expected) throws Exception {
    Kit.same(Kit.rows("SELECT count(*) AS n FROM \"" + table + "\""), "[{\"n\":" + expected + "}]");
  }

  private static Organization organization(InfluxDBClient client) {
    return client.getOrganizationsApi().findOrganizations().stream()
        .filter(found -> found.getName().equals(ORG))
        .findFirst()
        .orElseThrow();
  }

  static void isHealthy() throws Exception {
    client(
        c -> {
          Kit.isTrue(c.ping(), "no answer to a ping");
          Kit.isTrue(c.version().startsWith("v"), c.version());
          Kit.same(c.ready().getStatus().toString(), "ready");
          var health = c.health();
          Kit.same(health.getStatus(), HealthCheck.StatusEnum.PASS);
          Kit.same(health.getMessage(), "ready for queries and writes");
          Kit.same(c.isOnboardingAllowed(), false);
        });
  }

  static void writesAtOnce() throws Exception {
    client(
        c -> {
          var write = c.getWriteApiBlocking();
          write.writeRecord(WritePrecision.NS, Kit.LINES.strip());
          write.writePoint(
              Point.measurement("points").addTag("host", "a").addField("v", 1.25).addField("n", 3L).time(Kit.BASE, WritePrecision.NS));
          write.writeMeasurement(WritePrecision.MS, new Reading("a", 2.5, Instant.ofEpochSecond(1_700_000_000L)));
        });
    count("types", 3);
    Kit.same(Kit.rows("SELECT host, v, n FROM points"), "[{\"host\":\"a\",\"v\":1.25,\"n\":3}]");
    Kit.same(Kit.rows("SELECT host, value FROM readings"), "[{\"host\":\"a\",\"value\":2.5}]");
  }

  static void writesInBatches() throws Exception {
    var sent = new AtomicInteger();
    List<Throwable> failures = Collections.synchronizedList(new ArrayList<>());
    client(
        c -> {
          c.enableGzip();
          try (var write = c.makeWriteApi(WriteOptions.builder().batchSize(500).flushInterval(100).build())) {
            write.listenEvents(WriteSuccessEvent.class, event -> sent.incrementAndGet());
            write.listenEvents(WriteErrorEvent.class, event -> failures.add(event.getThrowable()));
            for (int n = 0; n < 10_000; n++) {
              write.writePoint(
                  Point.measurement("batched").addTag("k", "k" + n % 7).addField("v", n).time(Kit.BASE + n, WritePrecision.NS));
            }
          }
        });
    Kit.same(failures, List.of());
    Kit.isTrue(sent.get() >= 20, sent + " batches");
    count("batched", 10_000);
  }

  static void explainsFailedWrites() throws Exception {
    client(
        c -> {
          var write = c.getWriteApiBlocking();
          refused(400, "missing field value", () -> write.writeRecord(WritePrecision.NS, "types,host=a f="));
          refused(422, "field type conflict", () -> write.writeRecord(WritePrecision.NS, "types f=\"text\""));
          refused(404, "bucket \"nowhere\" not found", () -> write.writeRecord("nowhere", ORG, WritePrecision.NS, "m v=1"));
        });
    client(
        "wrong",
        c -> refused(401, "unauthorized access", () -> c.getWriteApiBlocking().writeRecord(WritePrecision.NS, "m v=1")));
  }

  static void asksForBucketsByFlux() throws Exception {
    client(
        c -> {
          var tables = c.getQueryApi().query("buckets()");
          var names = tables.stream().flatMap(table -> table.getRecords().stream()).map(row -> row.getValueByKey("name")).toList();
          Kit.isTrue(names.contains(Kit.DATABASE), names.toString());
        });
  }

  static void managesBucketsAndLabels() throws Exception {
    client(
        c -> {
          var org = organization(c);
          var buckets = c.getBucketsApi();
          var rules = new BucketRetentionRules().everySeconds(3600);
          Bucket made = buckets.createBucket(fresh("bucket"), rules, org);
          Kit.same(made.getOrgID(), org.getId());
          Kit.same(buckets.findBucketByName(made.getName()).getId(), made.getId());
          refused(422, "already exists", () -> buckets.createBucket(made.getName(), org));
          made.setDescription("changed");
          made.getRetentionRules().get(0).setEverySeconds(7200);
          var changed = buckets.updateBucket(made);
          Kit.same(changed.getDescription() + changed.getRetentionRules().get(0).getEverySeconds(), "changed7200");

          var label = c.getLabelsApi().createLabel(fresh("label"), Map.of("color", "red"), org.getId());
          buckets.addLabel(label, made);
          Kit.same(buckets.getLabels(made).get(0).getId(), label.getId());
          buckets.deleteLabel(label, made);
          Kit.same(buckets.getLabels(made).size(), 0);
          c.getLabelsApi().deleteLabel(label);

          var user = c.getUsersApi().createUser(fresh("user"));
          buckets.addMember(user, made);
          Kit.same(buckets.getMembers(made).get(0).getName(), user.getName());
          buckets.deleteMember(user, made);
          c.getUsersApi().deleteUser(user);
          buckets.deleteBucket(made);
          refused(404, "bucket not found", () -> buckets.findBucketByID(made.getId()));
        });
  }

  static void makesTokens() throws Exception {
    client(
        c -> {
          var org = organization(c);
          var bucket = c.getBucketsApi().findBucketByName(Kit.DATABASE);
          var resource = new PermissionResource().type(PermissionResource.TYPE_BUCKETS).id(bucket.getId()).orgID(org.getId());
          var permission = new Permission().action(Permission.ActionEnum.WRITE).resource(resource);
          Authorization made = c.getAuthorizationsApi().createAuthorization(org, List.of(permission));
          Kit.same(made.getOrg(), ORG);
          client(made.getToken(), scoped -> scoped.getWriteApiBlocking().writeRecord(WritePrecision.NS, "scoped v=1"));
          c.getAuthorizationsApi().deleteAuthorization(made);
          client(
              made.getToken(),
              scoped -> refused(401, "unauthorized access", () -> scoped.getWriteApiBlocking().writeRecord(WritePrecision.NS, "m v=1")));
        });
  }

  static void signsIn() throws Exception {
    client(
        c -> {
          var user = c.getUsersApi().createUser(fresh("person"));
          c.getUsersApi().updateUserPassword(user, "", "correct horse");
          var person = options().authenticate(user.getName(), "correct horse".toCharArray()).build();
          try (var signedIn = InfluxDBClientFactory.create(person)) {
            Kit.same(signedIn.getUsersApi().me().getName(), user.getName());
          }
          c.getUsersApi().deleteUser(user);
        });
  }

  static void mapsDatabasesOfV1() throws Exception {
    client(
        c -> {
          var dbrps = c.getService(DbrPsService.class);
          var org = organization(c);
          var bucket = c.getBucketsApi().findBucketByName(Kit.DATABASE);
          var mapping = new DBRPCreate().orgID(org.getId()).bucketID(bucket.getId()).database("java").retentionPolicy("raw");
          var made = dbrps.postDBRP(mapping, null).execute().body();
          Kit.same(made.getBucketID(), bucket.getId());
          Kit.isTrue(dbrps.deleteDBRPID(made.getId(), null, org.getId(), null).execute().isSuccessful(), "not deleted");
        });
  }

  static void deletesRows() throws Exception {
    client(
        c -> {
          c.getWriteApiBlocking().writeRecords(WritePrecision.NS, List.of("doomed,k=a v=1 1", "doomed,k=b v=2 2"));
          var from = OffsetDateTime.parse("1970-01-01T00:00:00Z");
          c.getDeleteApi().delete(from, from.plusDays(1), "_measurement=\"doomed\" AND k=\"a\"", Kit.DATABASE, ORG);
        });
    Kit.same(Kit.rows("SELECT k FROM doomed"), "[{\"k\":\"b\"}]");
  }

  public static void main(String[] args) {
    Map<String, Kit.Action> checks = new LinkedHashMap<>();
    checks.put("isHealthy", Check::isHealthy);
    checks.put("writesAtOnce", Check::writesAtOnce);
    checks.put("writesInBatches", Check::writesInBatches);
    checks.put("explainsFailedWrites", Check::explainsFailedWrites);
    checks.put("asksForBucketsByFlux", Check::asksForBucketsByFlux);
    checks.put("managesBucketsAndLabels", Check::managesBucketsAndLabels);
    checks.put("makesTokens", Check::makesTokens);
    checks.put("signsIn", Check::signsIn);
    checks.put("mapsDatabasesOfV1", Check::mapsDatabasesOfV1);
    checks.put("deletesRows", Check::deletesRows);
    Kit.main(checks);
  }
}
