// Where the server is, the rows that are expected, how checks are run: what kit.py is for Python.

import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;

final class Kit {
  static final String URL = variable("TIDEMILL_URL");
  static final String TOKEN = variable("TIDEMILL_TOKEN");
  static final String DATABASE = variable("TIDEMILL_DATABASE");

  static final long BASE = 1_700_000_000_000_000_000L;

  /** Every type, and a NULL of every type. */
  static final String LINES =
      """
      types,host=a f=1.5,i=-2i,u=18446744073709551615u,b=true,s="x y" %d
      types,host=b,region=r\\ 1 f=-1e300 %d
      types,region=é s="é\\"q",b=false,i=9223372036854775807i %d
      """
          .formatted(BASE, BASE + 1, BASE + 2);

  static final String SQL = "SELECT host, region, f, i, u, b, s, time FROM types ORDER BY time";
  static final List<String> COLUMNS = List.of("host", "region", "f", "i", "u", "b", "s", "time");

  static final long LARGE_ROWS = 1_000_000;
  static final String LARGE =
      "SELECT value AS n, value * 0.5 AS half, 'row ' || value AS name FROM generate_series(1, 1000000)";
  static final long LARGE_SUM = LARGE_ROWS * (LARGE_ROWS + 1) / 2;

  /** Computes for minutes if nothing stops it. */
  static final String ENDLESS =
      "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b";

  /** Gives rows for minutes if nothing stops it. */
  static final String ENDLESS_ROWS =
      "SELECT a.value AS n FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b";

  private static final HttpClient CLIENT =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private static final Pattern RUNNING =
      Pattern.compile("^tidemill_queries_running (\\d+)$", Pattern.MULTILINE);

  private Kit() {}

  private static String variable(String name) {
    return Objects.requireNonNull(System.getenv(name), name + " is not in the environment; use tests/kits/run");
  }

  /** What may fail in any way. */
  interface Action {
    void run() throws Exception;
  }

  /** What is asked again and again. */
  interface Question {
    boolean isSo() throws Exception;
  }

  /** Writes line protocol over HTTP: the driver cannot. */
  static void write(String lines) throws Exception {
    String database = URLEncoder.encode(DATABASE, StandardCharsets.UTF_8);
    call(request("/api/v3/write_lp?precision=nanosecond&db=" + database).POST(BodyPublishers.ofString(lines)));
  }

  /** The rows of a query as JSON text: for a client that knows no SQL. */
  static String rows(String sql) throws Exception {
    String query = "q=" + URLEncoder.encode(sql, StandardCharsets.UTF_8) + "&format=json&db=" + URLEncoder.encode(DATABASE, StandardCharsets.UTF_8);
    return call(request("/api/v3/query_sql?" + query));
  }

  /** How many queries the server runs, by its own figures. */
  static int runningQueries() throws Exception {
    var found = RUNNING.matcher(call(request("/metrics")));
    isTrue(found.find(), "the server does not tell how many queries run");
    return Integer.parseInt(found.group(1));
  }

  private static HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create(URL + path)).header("Authorization", "Bearer " + TOKEN);
  }

  private static String call(HttpRequest.Builder request) throws Exception {
    var response = CLIENT.send(request.build(), BodyHandlers.ofString());
    isTrue(response.statusCode() < 300, response + ": " + response.body());
    return response.body();
  }

  static void waitFor(String what, Question question) throws Exception {
    var deadline = Instant.now().plus(Duration.ofSeconds(30));
    while (!question.isSo()) {
      isTrue(Instant.now().isBefore(deadline), "still not so after 30 s: " + what);
      Thread.sleep(50);
    }
  }

  static void waitUntilIdle() throws Exception {
    waitFor("the query has ended", () -> runningQueries() == 0);
  }

  static void isTrue(boolean claim, String otherwise) {
    if (!claim) {
      throw new AssertionError(otherwise);
    }
  }

  static void same(Object found, Object expected) {
    isTrue(Objects.equals(found, expected), "found " + found + ", expected " + expected);
  }

  /** Checks that an action fails and that its messages, with those of its causes, hold a text. */
  static SQLException fails(String text, Action action) throws Exception {
    try {
      action.run();
    } catch (SQLException error) {
      var messages = new StringBuilder();
      for (Throwable each = error; each != null; each = each.getCause()) {
        messages.append(each.getMessage()).append('\n');
      }
      isTrue(messages.toString().contains(text), "'" + text + "' is not in '" + messages + "'");
      return error;
    }
    throw new AssertionError("no error; '" + text + "' was expected");
  }

  /** Runs checks one after another, says how they went, and ends the program. */
  static void main(Map<String, Action> checks) {
    int failed = 0;
    for (var check : checks.entrySet()) {
      long started = System.nanoTime();
      try {
        check.getValue().run();
        System.out.printf("ok    %s (%.2f s)%n", check.getKey(), (System.nanoTime() - started) / 1e9);
      } catch (Exception | AssertionError problem) {
        failed++;
        System.out.println("FAIL  " + check.getKey());
        problem.printStackTrace(System.out);
      }
    }
    System.out.printf("%d passed, %d failed%n", checks.size() - failed, failed);
    System.exit(failed == 0 ? 0 : 1);
  }
}
