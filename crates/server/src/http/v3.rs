//! InfluxDB 3.

mod database;
mod query_sql;
mod table;
mod write_lp;

use axum::Router;
use axum::routing::{get, post};

use super::App;

const WRITE_LP: &str = "/api/v3/write_lp";
const QUERY_SQL: &str = "/api/v3/query_sql";
const DATABASE: &str = "/api/v3/configure/database";
const TABLE: &str = "/api/v3/configure/table";

pub(super) fn routes() -> Router<App> {
    let database = get(database::list)
        .post(database::create)
        .put(database::update)
        .delete(database::delete);
    Router::new()
        .route(WRITE_LP, post(write_lp::answer))
        .route(
            QUERY_SQL,
            get(query_sql::answer_get).post(query_sql::answer_post),
        )
        .route(DATABASE, database)
        .route(TABLE, post(table::create).delete(table::delete))
}
