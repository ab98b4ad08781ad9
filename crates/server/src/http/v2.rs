//! InfluxDB 2.x. A bucket is a database, an authorization is a token; organizations, users, labels and
//! mappings are records of the catalog that only this API and v1's have words for.
//!
//! Writes and deletes take any organization: what matters is the bucket, and data is not refused over
//! the name of an organization that a client was configured with elsewhere.

pub(crate) mod authorizations;
pub(crate) mod buckets;
mod checks;
mod dbrps;
mod delete;
mod ids;
mod labels;
mod members;
mod monitoring;
mod notification_endpoints;
mod notification_rules;
mod orgs;
mod paging;
pub(crate) mod permissions;
mod query;
mod root;
mod session;
mod setup;
mod task_runs;
mod tasks;
mod text;
pub(crate) mod users;
mod write;

use axum::http::Method;
use catalog::Action;

use super::routes::{Access, Routes};

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;

/// Who administers the bucket that a request is about.
const KEEPER: Access = Access::Database(Action::Admin);
const WRITER: Access = Access::Database(Action::Write);

pub(super) fn routes() -> Routes {
    let mut routes = Routes::new()
        .at(POST, "/api/v2/delete", WRITER, delete::answer)
        .at(POST, "/api/v2/write", WRITER, write::answer)
        // Tells what the caller may look at.
        .at(POST, "/api/v2/query", Access::Known, query::answer)
        .at(GET, "/api/v2", Access::Known, root::links)
        .at(GET, "/api/v2/resources", Access::Known, root::resources);
    for method in [GET, POST, PUT, PATCH, DELETE] {
        routes = routes.at(method, "/api/v2/{*rest}", Access::Known, root::left_out);
    }
    routes
        .merge(people())
        .merge(bucket_routes())
        .merge(member_routes())
        .merge(record_routes())
        .merge(task_routes())
        .merge(monitoring_routes())
}

/// Who somebody is, and the first of them.
fn people() -> Routes {
    let (me, password) = ("/api/v2/me", "/api/v2/me/password");
    let (users, user) = ("/api/v2/users", "/api/v2/users/{id}");
    let of_user = "/api/v2/users/{id}/password";
    Routes::new()
        // Decides for itself whether there is anything to set up.
        .at(GET, "/api/v2/setup", Access::Open, setup::status)
        .at(POST, "/api/v2/setup", Access::Open, setup::run)
        .at(POST, "/api/v2/signin", Access::Known, session::sign_in)
        .at(POST, "/api/v2/signout", Access::Known, session::sign_out)
        .at(GET, me, Access::Known, session::me)
        .at(POST, password, Access::Known, session::set_password)
        .at(PUT, password, Access::Known, session::set_password)
        .at(GET, users, Access::Server, users::list)
        .at(POST, users, Access::Server, users::create)
        .at(GET, user, Access::Server, users::show)
        .at(PATCH, user, Access::Server, users::change)
        .at(DELETE, user, Access::Server, users::delete)
        .at(POST, of_user, Access::Server, users::set_password)
        .at(PUT, of_user, Access::Server, users::set_password)
}

fn bucket_routes() -> Routes {
    let (buckets, bucket) = ("/api/v2/buckets", "/api/v2/buckets/{id}");
    let labels = "/api/v2/buckets/{id}/labels";
    let label = "/api/v2/buckets/{id}/labels/{label}";
    Routes::new()
        .at(GET, buckets, Access::Known, buckets::list)
        .at(POST, buckets, KEEPER, buckets::create)
        .at(GET, bucket, Access::Known, buckets::show)
        .at(PATCH, bucket, KEEPER, buckets::change)
        .at(DELETE, bucket, KEEPER, buckets::delete)
        .at(GET, labels, Access::Known, labels::list_of_bucket)
        .at(POST, labels, KEEPER, labels::attach_to_bucket)
        .at(DELETE, label, KEEPER, labels::detach_from_bucket)
}

fn member_routes() -> Routes {
    let mut routes = Routes::new();
    for group in ["orgs", "buckets"] {
        for role in ["members", "owners"] {
            let path = format!("/api/v2/{group}/{{id}}/{role}");
            let of_user = format!("{path}/{{user}}");
            routes = routes
                .at(GET, &path, Access::Server, members::list)
                .at(POST, &path, Access::Server, members::add)
                .at(DELETE, &of_user, Access::Server, members::remove);
        }
    }
    routes
}

fn record_routes() -> Routes {
    let (orgs, org) = ("/api/v2/orgs", "/api/v2/orgs/{id}");
    let (labels, label) = ("/api/v2/labels", "/api/v2/labels/{id}");
    let (tokens, token) = ("/api/v2/authorizations", "/api/v2/authorizations/{id}");
    let (mappings, mapping) = ("/api/v2/dbrps", "/api/v2/dbrps/{id}");
    Routes::new()
        .at(GET, orgs, Access::Known, orgs::list)
        .at(POST, orgs, Access::Server, orgs::create)
        .at(GET, org, Access::Known, orgs::show)
        .at(PATCH, org, Access::Server, orgs::change)
        .at(DELETE, org, Access::Server, orgs::delete)
        .at(
            GET,
            "/api/v2/orgs/{id}/secrets",
            Access::Server,
            orgs::secrets,
        )
        .at(
            PATCH,
            "/api/v2/orgs/{id}/secrets",
            Access::Server,
            root::no_secrets,
        )
        .at(
            POST,
            "/api/v2/orgs/{id}/secrets/delete",
            Access::Server,
            root::no_secrets,
        )
        .at(GET, labels, Access::Known, labels::list)
        .at(POST, labels, Access::Server, labels::create)
        .at(GET, label, Access::Known, labels::show)
        .at(PATCH, label, Access::Server, labels::change)
        .at(DELETE, label, Access::Server, labels::delete)
        .at(GET, tokens, Access::Server, authorizations::list)
        .at(POST, tokens, Access::Server, authorizations::create)
        .at(GET, token, Access::Server, authorizations::show)
        .at(PATCH, token, Access::Server, authorizations::change)
        .at(DELETE, token, Access::Server, authorizations::delete)
        .at(GET, mappings, Access::Known, dbrps::list)
        .at(POST, mappings, Access::Server, dbrps::create)
        .at(GET, mapping, Access::Server, dbrps::show)
        .at(PATCH, mapping, Access::Server, dbrps::change)
        .at(DELETE, mapping, Access::Server, dbrps::delete)
}

/// Tasks are seen and changed by whoever wrote them and whoever administers their database: the handlers ask.
fn task_routes() -> Routes {
    let (all, one) = ("/api/v2/tasks", "/api/v2/tasks/{id}");
    let (runs, run) = ("/api/v2/tasks/{id}/runs", "/api/v2/tasks/{id}/runs/{run}");
    let (retry, logs) = (
        "/api/v2/tasks/{id}/runs/{run}/retry",
        "/api/v2/tasks/{id}/logs",
    );
    let logs_of_run = "/api/v2/tasks/{id}/runs/{run}/logs";
    let mut routes = Routes::new()
        .at(GET, all, Access::Known, tasks::list)
        .at(POST, all, Access::Known, tasks::create)
        .at(GET, one, Access::Known, tasks::show)
        .at(PATCH, one, Access::Known, tasks::change)
        .at(DELETE, one, Access::Known, tasks::delete)
        .at(
            GET,
            "/api/v2/tasks/{id}/owners",
            Access::Known,
            tasks::owners,
        )
        .at(GET, runs, Access::Known, task_runs::list)
        .at(POST, runs, Access::Known, task_runs::force)
        .at(GET, run, Access::Known, task_runs::show)
        .at(DELETE, run, Access::Known, task_runs::cancel)
        .at(POST, retry, Access::Known, task_runs::retry)
        .at(GET, logs, Access::Known, task_runs::logs)
        .at(GET, logs_of_run, Access::Known, task_runs::logs_of_run);
    for rest in ["members", "labels"] {
        let path = format!("/api/v2/tasks/{{id}}/{rest}");
        routes = routes.at(GET, &path, Access::Known, tasks::none);
    }
    routes
}

/// Checks are seen and changed like tasks, endpoints and rules by whoever administers their bucket: the handlers ask.
fn monitoring_routes() -> Routes {
    let known = Access::Known;
    let (all, one) = ("/api/v2/checks", "/api/v2/checks/{id}");
    let mut routes = Routes::new()
        .at(GET, all, known, checks::list)
        .at(POST, all, known, checks::create)
        .at(GET, one, known, checks::show)
        .at(PUT, one, known, checks::replace)
        .at(PATCH, one, known, checks::change)
        .at(DELETE, one, known, checks::delete)
        .at(GET, "/api/v2/checks/{id}/query", known, checks::query_of);
    let (all, one) = (
        "/api/v2/notificationEndpoints",
        "/api/v2/notificationEndpoints/{id}",
    );
    routes = routes
        .at(GET, all, known, notification_endpoints::list)
        .at(POST, all, known, notification_endpoints::create)
        .at(GET, one, known, notification_endpoints::show)
        .at(PUT, one, known, notification_endpoints::replace)
        .at(PATCH, one, known, notification_endpoints::change)
        .at(DELETE, one, known, notification_endpoints::delete);
    let (all, one) = (
        "/api/v2/notificationRules",
        "/api/v2/notificationRules/{id}",
    );
    let query = "/api/v2/notificationRules/{id}/query";
    routes = routes
        .at(GET, all, known, notification_rules::list)
        .at(POST, all, known, notification_rules::create)
        .at(GET, one, known, notification_rules::show)
        .at(PUT, one, known, notification_rules::replace)
        .at(PATCH, one, known, notification_rules::change)
        .at(DELETE, one, known, notification_rules::delete)
        .at(GET, query, known, notification_rules::query_of);
    for kind in ["checks", "notificationEndpoints", "notificationRules"] {
        let path = format!("/api/v2/{kind}/{{id}}/labels");
        routes = routes.at(GET, &path, known, monitoring::no_labels);
    }
    routes
}
