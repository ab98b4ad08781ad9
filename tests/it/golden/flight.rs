//! What a Flight SQL client is told: schemas with their metadata, rows, and the words of errors.

use std::fmt::{Display, Write as _};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::Schema;
use arrow::util::pretty::pretty_format_batches;
use arrow_flight::error::FlightError;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::sql::{
    CommandGetCrossReference, CommandGetDbSchemas, CommandGetExportedKeys, CommandGetImportedKeys,
    CommandGetPrimaryKeys, CommandGetTables, CommandGetXdbcTypeInfo,
};
use arrow_flight::{FlightInfo, Ticket};
use futures::TryStreamExt as _;
use tonic::transport::{Channel, Endpoint};

use super::compare;
use crate::harness::Site;

const TOKEN: &str = "it-token-golden-flight-9a1d";

const LINES: &str = "types,host=a f=1.5,i=-2i,u=18446744073709551615u,b=true,s=\"x\" 1\n\
                     types,region=r f=-1 2";

/// The record as it is written.
struct Record {
    client: FlightSqlServiceClient<Channel>,
    text: String,
}

impl Record {
    fn title(&mut self, title: impl Display) {
        writeln!(self.text, "### {title}").unwrap();
    }

    fn schema(&mut self, what: &str, schema: &Schema) {
        writeln!(self.text, "{what}:").unwrap();
        for field in schema.fields() {
            let null = if field.is_nullable() { "" } else { " NOT NULL" };
            let mut metadata: Vec<_> = field.metadata().iter().collect();
            metadata.sort();
            let metadata = match metadata.is_empty() {
                true => String::new(),
                false => format!(" {metadata:?}"),
            };
            let (name, kind) = (field.name(), field.data_type());
            writeln!(self.text, "  {name}: {kind}{null}{metadata}").unwrap();
        }
    }

    fn error(&mut self, error: &FlightError) {
        match error {
            FlightError::Tonic(status) => {
                writeln!(self.text, "{:?}: {}", status.code(), status.message()).unwrap();
            }
            other => writeln!(self.text, "not from the server: {other}").unwrap(),
        }
    }

    /// What a FlightInfo says, and the rows behind it.
    async fn info(&mut self, info: Result<FlightInfo, FlightError>) {
        let info = match info {
            Ok(info) => info,
            Err(error) => {
                self.error(&error);
                return;
            }
        };
        let schema = info.clone().try_decode_schema().unwrap();
        self.schema("schema", &schema);
        writeln!(
            self.text,
            "endpoints: {}, ordered: {}",
            info.endpoint.len(),
            info.ordered
        )
        .unwrap();
        let ticket = info.endpoint[0].ticket.clone().unwrap();
        self.rows(ticket, Some(&schema)).await;
    }

    async fn rows(&mut self, ticket: Ticket, announced: Option<&Schema>) {
        let stream = match self.client.do_get(ticket).await {
            Ok(stream) => stream,
            Err(error) => {
                self.error(&error);
                return;
            }
        };
        match stream.try_collect::<Vec<RecordBatch>>().await {
            Ok(batches) => {
                if let (Some(announced), Some(batch)) = (announced, batches.first()) {
                    assert_eq!(announced, batch.schema().as_ref());
                }
                writeln!(self.text, "{}", pretty_format_batches(&batches).unwrap()).unwrap();
            }
            Err(error) => self.error(&error),
        }
    }

    async fn query(&mut self, sql: &str) {
        self.title(sql);
        let info = self.client.execute(sql.to_owned(), None).await;
        self.info(info).await;
    }
}

fn any() -> CommandGetTables {
    CommandGetTables {
        catalog: None,
        db_schema_filter_pattern: None,
        table_name_filter_pattern: None,
        table_types: vec![],
        include_schema: false,
    }
}

#[tokio::test]
async fn flight_sql_exchanges_are_as_recorded() {
    let site = Site::new()
        .env("TIDEMILL_INIT_ADMIN_TOKEN", TOKEN)
        .token(TOKEN);
    let server = site.start();
    server.client().write("plant", LINES);
    let endpoint = Endpoint::from_shared(server.client().http().to_owned()).unwrap();
    let mut client = FlightSqlServiceClient::new(endpoint.connect().await.unwrap());
    client.set_header("database", "plant");
    client.set_token(TOKEN.to_owned());
    let mut record = Record {
        client,
        text: String::new(),
    };
    queries(&mut record).await;
    metadata(&mut record).await;
    let text = record.text.replace(env!("CARGO_PKG_VERSION"), "{version}");
    compare("flight.txt", &text);
}

async fn queries(record: &mut Record) {
    record
        .query("SELECT host, region, f, i, u, b, s, time FROM types ORDER BY time")
        .await;
    record
        .query("SELECT count(*) AS n, avg(f) AS mean, date_bin(INTERVAL '1 hour', time) AS t FROM types GROUP BY t")
        .await;
    record.query("SELECT f FROM types WHERE false").await;
    record.query("SELECT no_such FROM types").await;
    record.query("SELECT * FROM no_such").await;
    record.query("SELECT 1 +").await;
    record.query("COPY types TO 'x.csv'").await;

    record.title("the ticket of the InfluxDB 3 clients");
    let ticket = br#"{"database":"plant","sql_query":"SELECT f FROM types ORDER BY time","query_type":"sql"}"#;
    record.rows(Ticket::new(&ticket[..]), None).await;
    record.title("the same for a database that is not there");
    let ticket = br#"{"database":"no_such","sql_query":"SELECT 1","query_type":"sql"}"#;
    record.rows(Ticket::new(&ticket[..]), None).await;
    record.title("a ticket that nobody gave out");
    record.rows(Ticket::new(&b"\xff\x00"[..]), None).await;

    record.title("a prepared statement: SELECT f, i FROM types WHERE host = $1");
    let sql = "SELECT f, i FROM types WHERE host = $1".to_owned();
    let mut prepared = record.client.prepare(sql, None).await.unwrap();
    record.schema("parameters", prepared.parameter_schema().unwrap());
    record.schema("rows", prepared.dataset_schema().unwrap());
    let host: ArrayRef = Arc::new(StringArray::from(vec!["a"]));
    let row = RecordBatch::try_from_iter([("$1", host)]).unwrap();
    prepared.set_parameters(row).unwrap();
    let info = prepared.execute().await;
    record.info(info).await;

    record.title("an update: DELETE FROM types WHERE region = 'r'");
    let sql = "DELETE FROM types WHERE region = 'r'".to_owned();
    let deleted = record.client.execute_update(sql, None).await;
    writeln!(record.text, "{deleted:?}").unwrap();
}

async fn metadata(record: &mut Record) {
    record.title("GetCatalogs");
    let info = record.client.get_catalogs().await;
    record.info(info).await;
    record.title("GetDbSchemas");
    let any_schema = CommandGetDbSchemas {
        catalog: None,
        db_schema_filter_pattern: None,
    };
    let info = record.client.get_db_schemas(any_schema).await;
    record.info(info).await;
    record.title("GetTables");
    let info = record.client.get_tables(any()).await;
    record.info(info).await;
    record.title("GetTables, by patterns and types");
    let some = CommandGetTables {
        db_schema_filter_pattern: Some("io%".to_owned()),
        table_name_filter_pattern: Some("t_pes".to_owned()),
        table_types: vec!["BASE TABLE".to_owned()],
        ..any()
    };
    let info = record.client.get_tables(some).await;
    record.info(info).await;
    record.title("GetTableTypes");
    let info = record.client.get_table_types().await;
    record.info(info).await;
    record.title("GetPrimaryKeys");
    let info = record.client.get_primary_keys(CommandGetPrimaryKeys {
        table: "types".to_owned(),
        ..Default::default()
    });
    let info = info.await;
    record.info(info).await;
    record.title("GetExportedKeys");
    let info = record.client.get_exported_keys(CommandGetExportedKeys {
        table: "types".to_owned(),
        ..Default::default()
    });
    let info = info.await;
    record.info(info).await;
    record.title("GetImportedKeys");
    let info = record.client.get_imported_keys(CommandGetImportedKeys {
        table: "types".to_owned(),
        ..Default::default()
    });
    let info = info.await;
    record.info(info).await;
    record.title("GetCrossReference");
    let info = record.client.get_cross_reference(CommandGetCrossReference {
        pk_table: "types".to_owned(),
        fk_table: "types".to_owned(),
        ..Default::default()
    });
    let info = info.await;
    record.info(info).await;
    record.title("GetXdbcTypeInfo");
    let info = record
        .client
        .get_xdbc_type_info(CommandGetXdbcTypeInfo { data_type: None });
    let info = info.await;
    record.info(info).await;
    record.title("GetSqlInfo");
    let info = record.client.get_sql_info(vec![]).await;
    record.info(info).await;
}
