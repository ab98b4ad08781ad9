//! InfluxDB 3.

mod database;
mod left_out;
mod model;
mod query_sql;
mod table;
mod token;
mod write_lp;

use axum::http::Method;
use catalog::Action;

use super::routes::{Access, Routes};

const WRITE_LP: &str = "/api/v3/write_lp";
const QUERY_SQL: &str = "/api/v3/query_sql";
const DATABASE: &str = "/api/v3/configure/database";
const RETENTION: &str = "/api/v3/configure/database/retention_period";
const TABLE: &str = "/api/v3/configure/table";
const MODEL: &str = "/api/v3/configure/model";
const TOKEN: &str = "/api/v3/configure/token";
const TOKEN_ADMIN: &str = "/api/v3/configure/token/admin";
const TOKEN_REGENERATE: &str = "/api/v3/configure/token/admin/regenerate";
const TOKEN_NAMED_ADMIN: &str = "/api/v3/configure/token/named_admin";
const TOKEN_ROTATE: &str = "/api/v3/configure/token/rotate";

pub(super) fn routes() -> Routes {
    let [read, write, admin] = [Action::Read, Action::Write, Action::Admin].map(Access::Database);
    left_out::routes()
        .at(Method::POST, WRITE_LP, write, write_lp::answer)
        .at(Method::GET, QUERY_SQL, read, query_sql::answer_get)
        .at(Method::POST, QUERY_SQL, read, query_sql::answer_post)
        // Of those that the caller sees.
        .at(Method::GET, DATABASE, Access::Known, database::list)
        .at(Method::POST, DATABASE, admin, database::create)
        .at(Method::PUT, DATABASE, admin, database::update)
        .at(Method::DELETE, DATABASE, admin, database::delete)
        .at(Method::POST, RETENTION, admin, database::set_retention)
        .at(Method::DELETE, RETENTION, admin, database::clear_retention)
        .at(Method::POST, TABLE, write, table::create)
        .at(Method::DELETE, TABLE, admin, table::delete)
        .at(Method::GET, MODEL, read, model::export)
        .at(Method::POST, MODEL, write, model::import)
        .at(Method::DELETE, MODEL, write, model::delete)
        .at(Method::GET, TOKEN, Access::Server, token::list)
        .at(Method::POST, TOKEN, Access::Server, token::create)
        .at(Method::DELETE, TOKEN, Access::Server, token::delete)
        // Set-up scripts call it before they have a token; it makes none.
        .at(Method::POST, TOKEN_ADMIN, Access::Open, token::create_first)
        .at(
            Method::POST,
            TOKEN_REGENERATE,
            Access::Server,
            token::regenerate,
        )
        .at(
            Method::POST,
            TOKEN_NAMED_ADMIN,
            Access::Server,
            token::create_named_admin,
        )
        .at(Method::POST, TOKEN_ROTATE, Access::Server, token::rotate)
}
