// Apache Arrow's JDBC driver for Flight SQL.

import java.net.URI;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Calendar;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TimeZone;

final class Check {
  private Check() {}

  /** Opens a connection; changes are names and values, and an empty value leaves a property out. */
  private static Connection connect(String... changes) throws SQLException {
    var properties = new Properties();
    properties.setProperty("useEncryption", "false");
    properties.setProperty("token", Kit.TOKEN);
    properties.setProperty("database", Kit.DATABASE);
    for (int at = 0; at < changes.length; at += 2) {
      properties.setProperty(changes[at], changes[at + 1]);
      if (changes[at + 1].isEmpty()) {
        properties.remove(changes[at]);
      }
    }
    String authority = URI.create(Kit.URL).getAuthority();
    return DriverManager.getConnection("jdbc:arrow-flight-sql://" + authority, properties);
  }

  private static List<List<Object>> rows(ResultSet result) throws SQLException {
    var all = new ArrayList<List<Object>>();
    int columns = result.getMetaData().getColumnCount();
    while (result.next()) {
      var row = new ArrayList<>();
      for (int column = 1; column <= columns; column++) {
        row.add(result.getObject(column));
      }
      all.add(row);
    }
    result.close();
    return all;
  }

  private static List<List<Object>> query(Connection connection, String sql) throws SQLException {
    try (var statement = connection.createStatement()) {
      return rows(statement.executeQuery(sql));
    }
  }

  private static List<Object> column(ResultSet result, String name) throws SQLException {
    var values = new ArrayList<>();
    while (result.next()) {
      values.add(result.getObject(name));
    }
    result.close();
    return values;
  }

  private static List<Object> row(Object... values) {
    return Arrays.asList(values);
  }

  private static Calendar utc() {
    return Calendar.getInstance(TimeZone.getTimeZone("UTC"));
  }

  private static Instant time(long rows) {
    return Instant.ofEpochSecond(Kit.BASE / 1_000_000_000, rows);
  }

  private static void checkTypes(ResultSet result) throws SQLException {
    var expected =
        List.of(
            row("a", null, 1.5, -2L, "18446744073709551615", true, "x y"),
            row("b", "r 1", -1e300, null, null, null, null),
            row(null, "é", null, 9223372036854775807L, null, false, "é\"q"));
    for (int number = 0; number < expected.size(); number++) {
      Kit.same(result.next(), true);
      var found = new ArrayList<>();
      for (String name : Kit.COLUMNS.subList(0, 7)) {
        Object value = result.getObject(name);
        Kit.same(result.wasNull(), value == null);
        // The driver takes an unsigned integer for a signed one, but for its text.
        found.add(name.equals("u") && value != null ? result.getString(name) : value);
      }
      Kit.same(found, expected.get(number));
      Kit.same(result.getTimestamp("time", utc()).toInstant(), time(number));
    }
    Kit.same(result.next(), false);
  }

  private static void readsEveryType() throws Exception {
    Kit.write(Kit.LINES);
    try (var connection = connect();
        var statement = connection.createStatement();
        var prepared = connection.prepareStatement(Kit.SQL)) {
      Kit.same(connection.isValid(5), true);
      checkTypes(statement.executeQuery(Kit.SQL));
      checkTypes(prepared.executeQuery());
    }
  }

  private static void convertsValues() throws Exception {
    try (var connection = connect();
        var statement = connection.createStatement();
        var result = statement.executeQuery(Kit.SQL)) {
      Kit.same(result.next(), true);
      Kit.same(result.getString("f"), "1.5");
      Kit.same(result.getInt("i"), -2);
      Kit.same(result.getString("u"), "18446744073709551615");
      Kit.same(result.getBoolean("b"), true);
      Kit.same(result.getString("region"), null);
      Kit.same(result.next(), true);
      Kit.same(result.getDouble("f"), -1e300);
      Kit.same(result.getLong("i"), 0L);
      Kit.same(result.wasNull(), true);
    }
  }

  private static void describesResults() throws Exception {
    var expected =
        List.of(
            Types.VARCHAR, Types.VARCHAR, Types.DOUBLE, Types.BIGINT, Types.BIGINT, Types.BOOLEAN, Types.VARCHAR,
            Types.TIMESTAMP);
    try (var connection = connect();
        var prepared = connection.prepareStatement(Kit.SQL)) {
      for (var described : List.of(prepared.getMetaData(), prepared.executeQuery().getMetaData())) {
        var names = new ArrayList<String>();
        var types = new ArrayList<Integer>();
        for (int column = 1; column <= described.getColumnCount(); column++) {
          names.add(described.getColumnLabel(column));
          types.add(described.getColumnType(column));
        }
        Kit.same(names, Kit.COLUMNS);
        Kit.same(types, expected);
      }
    }
  }

  private static void bindsParameters() throws Exception {
    try (var connection = connect()) {
      String sql = "SELECT f FROM types WHERE host = ? AND f > ? AND i = ? AND b = ?";
      try (var prepared = connection.prepareStatement(sql)) {
        Kit.same(prepared.getParameterMetaData().getParameterCount(), 4);
        prepared.setString(1, "a");
        prepared.setDouble(2, 1.0);
        prepared.setLong(3, -2);
        prepared.setBoolean(4, true);
        Kit.same(rows(prepared.executeQuery()), List.of(row(1.5)));
        prepared.setString(1, "b");
        Kit.same(rows(prepared.executeQuery()), List.of());
      }
      try (var prepared = connection.prepareStatement("SELECT host FROM types WHERE host = $1 OR region = $2")) {
        prepared.setString(1, "b");
        prepared.setString(2, "nowhere");
        Kit.same(rows(prepared.executeQuery()), List.of(row("b")));
      }
      try (var prepared = connection.prepareStatement("SELECT count(*) FROM types WHERE host = ?")) {
        prepared.setNull(1, Types.VARCHAR);
        Kit.same(rows(prepared.executeQuery()), List.of(row(0L)));
      }
    }
  }

  private static void bindsTimesAsText() throws Exception {
    Kit.write("moments v=1i 1700000000000000000\nmoments v=2i 1700000001000000000");
    try (var connection = connect();
        var prepared =
            connection.prepareStatement(
                "SELECT v FROM moments WHERE time > to_timestamp(CAST(? AS VARCHAR)) ORDER BY time")) {
      prepared.setString(1, "2023-11-14T22:13:20Z");
      Kit.same(rows(prepared.executeQuery()), List.of(row(2L)));
    }
  }

  private static void tellsOfTheServer() throws Exception {
    try (var connection = connect()) {
      var metadata = connection.getMetaData();
      Kit.same(metadata.getDatabaseProductName(), "Tidemill");
      Kit.isTrue(metadata.getDatabaseProductVersion().matches("\\d+\\.\\d+.*"), metadata.getDatabaseProductVersion());
      Kit.same(metadata.getIdentifierQuoteString(), "\"");
      Kit.same(metadata.supportsTransactions(), false);
      Kit.same(metadata.isReadOnly(), false);
      Kit.same(metadata.getSearchStringEscape(), "\\");
      Kit.same(metadata.getCatalogTerm().isEmpty(), false);
      Kit.isTrue(metadata.getSQLKeywords() != null && metadata.getNumericFunctions() != null, "no words");
      Kit.same(metadata.supportsOuterJoins(), true);
      Kit.same(metadata.supportsGroupBy(), true);
    }
  }

  private static void listsSchemasAndTables() throws Exception {
    try (var connection = connect()) {
      var metadata = connection.getMetaData();
      Kit.same(column(metadata.getCatalogs(), "TABLE_CAT"), List.of("public"));
      Kit.same(column(metadata.getSchemas(), "TABLE_SCHEM"), List.of("information_schema", "iox", "system"));
      Kit.same(column(metadata.getSchemas("public", "io_"), "TABLE_SCHEM"), List.of("iox"));
      Kit.same(column(metadata.getTableTypes(), "TABLE_TYPE"), List.of("BASE TABLE", "VIEW"));
      Kit.same(column(metadata.getTables("public", "iox", null, null), "TABLE_NAME"), List.of("moments", "types"));
      Kit.same(column(metadata.getTables(null, null, "typ%", new String[] {"TABLE"}), "TABLE_NAME"), List.of("types"));
      Kit.same(column(metadata.getTables(null, "iox", "%", new String[] {"VIEW"}), "TABLE_NAME"), List.of());
    }
  }

  private static void listsColumns() throws Exception {
    var expected =
        Map.of(
            "host", Types.VARCHAR, "region", Types.VARCHAR, "f", Types.DOUBLE, "i", Types.BIGINT, "u", Types.BIGINT,
            "b", Types.BOOLEAN, "s", Types.VARCHAR, "time", Types.TIMESTAMP);
    try (var connection = connect();
        var result = connection.getMetaData().getColumns("public", "iox", "types", null)) {
      var found = new LinkedHashMap<String, Integer>();
      int position = 0;
      while (result.next()) {
        Kit.same(result.getString("TABLE_NAME"), "types");
        Kit.same(result.getInt("ORDINAL_POSITION"), ++position);
        found.put(result.getString("COLUMN_NAME"), result.getInt("DATA_TYPE"));
      }
      Kit.same(found, expected);
      Kit.same(column(connection.getMetaData().getColumns(null, null, "types", "ho%"), "COLUMN_NAME"), List.of("host"));
    }
  }

  private static void listsKeys() throws Exception {
    try (var connection = connect()) {
      var metadata = connection.getMetaData();
      Kit.same(
          column(metadata.getPrimaryKeys("public", "iox", "types"), "COLUMN_NAME"), List.of("host", "region", "time"));
      Kit.same(rows(metadata.getImportedKeys("public", "iox", "types")), List.of());
      Kit.same(rows(metadata.getExportedKeys("public", "iox", "types")), List.of());
      Kit.same(rows(metadata.getCrossReference("public", "iox", "types", "public", "iox", "moments")), List.of());
      Kit.same(rows(metadata.getIndexInfo("public", "iox", "types", false, true)), List.of());
    }
  }

  private static void streamsALargeResult() throws Exception {
    try (var connection = connect();
        var statement = connection.createStatement();
        var result = statement.executeQuery(Kit.LARGE)) {
      long count = 0;
      long total = 0;
      while (result.next()) {
        count++;
        total += result.getLong(1);
      }
      Kit.same(List.of(count, total), List.of(Kit.LARGE_ROWS, Kit.LARGE_SUM));
    }
  }

  private static void readsEmptyAndSeveralResults() throws Exception {
    try (var connection = connect();
        var first = connection.createStatement();
        var second = connection.createStatement()) {
      Kit.same(query(connection, "SELECT * FROM types WHERE host = 'nobody'"), List.of());
      var one = first.executeQuery("SELECT f FROM types ORDER BY time");
      var other = second.executeQuery("SELECT i FROM types ORDER BY time");
      Kit.same(one.next() && other.next(), true);
      Kit.same(List.of(one.getDouble(1), other.getLong(1)), List.of(1.5, -2L));
      first.setMaxRows(2);
      Kit.same(rows(first.executeQuery(Kit.SQL)).size(), 2);
    }
  }

  private static void changesThings() throws Exception {
    Kit.write("doomed,k=a v=1 1\ndoomed,k=b v=2 1");
    try (var connection = connect();
        var statement = connection.createStatement()) {
      statement.execute("DELETE FROM doomed WHERE k = 'a'");
      Kit.same(query(connection, "SELECT k FROM doomed"), List.of(row("b")));
      Kit.fails("INSERT", () -> statement.execute("INSERT INTO doomed VALUES (1)"));
    }
  }

  private static void logsInInEveryWay() throws Exception {
    try (var connection = connect("token", "", "user", "anyone", "password", Kit.TOKEN)) {
      Kit.same(query(connection, "SELECT 1"), List.of(row(1L)));
    }
    Kit.fails("not authenticated", () -> connect("token", "", "user", "anyone", "password", "wrong").close());
    Kit.fails(
        "not authenticated",
        () -> {
          try (var connection = connect("token", "wrong")) {
            query(connection, "SELECT 1");
          }
        });
  }

  private static void takesTheDatabaseAsCatalog() throws Exception {
    var connection = connect("database", "", "catalog", Kit.DATABASE);
    Kit.same(query(connection, "SELECT count(*) FROM types"), List.of(row(3L)));
    Kit.same(query(connection, "SELECT count(*) FROM public.iox.types"), List.of(row(3L)));
    // The driver closes a session twice, the second time after its channel is gone, with any server.
    Kit.fails("Channel shutdown invoked", connection::close);
  }

  private static void explainsWhatIsWrong() throws Exception {
    try (var connection = connect()) {
      Kit.fails("not found", () -> query(connection, "SELECT * FROM nothing"));
      Kit.fails("SELEKT", () -> query(connection, "SELEKT 1"));
      Kit.fails("COPY", () -> query(connection, "COPY types TO 'x'"));
      // The connection is as good as before.
      Kit.same(query(connection, "SELECT 1"), List.of(row(1L)));
    }
    try (var connection = connect("database", "missing")) {
      Kit.fails("database not found: missing", () -> query(connection, "SELECT 1"));
    }
  }

  private static void aStreamIsLeftEarly() throws Exception {
    try (var connection = connect();
        var statement = connection.createStatement()) {
      var result = statement.executeQuery(Kit.ENDLESS_ROWS);
      for (int row = 0; row < 10; row++) {
        Kit.same(result.next(), true);
      }
      Kit.same(Kit.runningQueries(), 1);
      result.close();
      Kit.waitUntilIdle();
    }
  }

  private static void aTimeLimitStopsAQuery() throws Exception {
    try (var connection = connect();
        var statement = connection.createStatement()) {
      statement.setQueryTimeout(1);
      Kit.fails("imed out", () -> rows(statement.executeQuery(Kit.ENDLESS)));
    }
    // The driver gives up by itself; it ends the call with the connection.
    Kit.waitUntilIdle();
  }

  private static void aCancelledQueryStops() throws Exception {
    try (var connection = connect();
        Statement statement = connection.createStatement()) {
      var helper =
          new Thread(
              () -> {
                try {
                  Kit.waitFor("the query runs", () -> Kit.runningQueries() == 1);
                  statement.cancel();
                } catch (Exception error) {
                  throw new IllegalStateException(error);
                }
              });
      helper.start();
      Kit.fails("ancel", () -> rows(statement.executeQuery(Kit.ENDLESS)));
      helper.join();
      Kit.waitUntilIdle();
    }
  }

  public static void main(String[] arguments) {
    var checks = new LinkedHashMap<String, Kit.Action>();
    checks.put("readsEveryType", Check::readsEveryType);
    checks.put("convertsValues", Check::convertsValues);
    checks.put("describesResults", Check::describesResults);
    checks.put("bindsParameters", Check::bindsParameters);
    checks.put("bindsTimesAsText", Check::bindsTimesAsText);
    checks.put("tellsOfTheServer", Check::tellsOfTheServer);
    checks.put("listsSchemasAndTables", Check::listsSchemasAndTables);
    checks.put("listsColumns", Check::listsColumns);
    checks.put("listsKeys", Check::listsKeys);
    checks.put("streamsALargeResult", Check::streamsALargeResult);
    checks.put("readsEmptyAndSeveralResults", Check::readsEmptyAndSeveralResults);
    checks.put("changesThings", Check::changesThings);
    checks.put("logsInInEveryWay", Check::logsInInEveryWay);
    checks.put("takesTheDatabaseAsCatalog", Check::takesTheDatabaseAsCatalog);
    checks.put("explainsWhatIsWrong", Check::explainsWhatIsWrong);
    checks.put("aStreamIsLeftEarly", Check::aStreamIsLeftEarly);
    checks.put("aTimeLimitStopsAQuery", Check::aTimeLimitStopsAQuery);
    checks.put("aCancelledQueryStops", Check::aCancelledQueryStops);
    Kit.main(checks);
  }
}
