//! `DoAction`: everything that is neither a query nor rows.

use arrow_flight::sql::{
    ActionCancelQueryRequest, ActionCancelQueryResult, ActionClosePreparedStatementRequest, Any,
    ProstMessageExt,
};
use arrow_flight::{
    Action, ActionType, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightInfo,
};
use bytes::Bytes;
use prost::Message;
use tonic::Status;

use super::caller::Caller;
use super::errors::status;
use super::prepared;
use super::service::Flight;
use super::sessions::{CloseResult, Options, Session};
use super::tickets;
use crate::error::{Error, Result};

/// The actions there are, with what `ListActions` says of them.
const ACTIONS: [(&str, &str); 7] = [
    (
        "CreatePreparedStatement",
        "Prepares a statement.\nRequest: ActionCreatePreparedStatementRequest\nResponse: ActionCreatePreparedStatementResult",
    ),
    (
        "ClosePreparedStatement",
        "Forgets a prepared statement.\nRequest: ActionClosePreparedStatementRequest\nResponse: none",
    ),
    (
        "CancelFlightInfo",
        "Stops a query whose rows are being sent.\nRequest: CancelFlightInfoRequest\nResponse: CancelFlightInfoResult",
    ),
    (
        "CancelQuery",
        "The same, as older clients ask for it.\nRequest: ActionCancelQueryRequest\nResponse: ActionCancelQueryResult",
    ),
    (
        "SetSessionOptions",
        "Sets options of the session, which the client keeps as a cookie.\nRequest: SetSessionOptionsRequest\nResponse: SetSessionOptionsResult",
    ),
    (
        "GetSessionOptions",
        "The options of the session.\nRequest: GetSessionOptionsRequest\nResponse: GetSessionOptionsResult",
    ),
    (
        "CloseSession",
        "Forgets the session.\nRequest: CloseSessionRequest\nResponse: CloseSessionResult",
    ),
];

/// Actions of Flight and Flight SQL that there are not, and what they are about.
const UNSUPPORTED: [(&str, &str); 6] = [
    ("BeginTransaction", "a transaction"),
    ("EndTransaction", "a transaction"),
    ("BeginSavepoint", "a savepoint"),
    ("EndSavepoint", "a savepoint"),
    ("CreatePreparedSubstraitPlan", "a Substrait plan"),
    (
        "RenewFlightEndpoint",
        "renewing an endpoint, which does not expire,",
    ),
];

/// What an action answers.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) body: Option<Bytes>,
    /// A value for `Set-Cookie`.
    pub(super) cookie: Option<String>,
}

/// All actions, as `ListActions` tells of them.
pub(super) fn list() -> impl Iterator<Item = ActionType> {
    ACTIONS.into_iter().map(|(name, description)| ActionType {
        r#type: name.to_owned(),
        description: description.to_owned(),
    })
}

/// Runs an action.
pub(super) async fn run(
    flight: &Flight,
    caller: &Caller,
    action: Action,
) -> Result<Answer, Status> {
    let body = &action.body;
    match action.r#type.as_str() {
        "CreatePreparedStatement" => {
            let created = prepared::create(flight, caller, unpacked(body)?).await;
            Ok(Answer::of_any(&created.map_err(status)?))
        }
        "ClosePreparedStatement" => {
            let request: ActionClosePreparedStatementRequest = unpacked(body)?;
            prepared::close(caller, &request.prepared_statement_handle).map_err(status)?;
            Ok(Answer::default())
        }
        "CancelFlightInfo" => {
            let request: CancelFlightInfoRequest = decoded(body)?;
            cancel(flight, caller, request.info.unwrap_or_default())?;
            Ok(Answer::of(&CancelFlightInfoResult::new(
                CancelStatus::Cancelled,
            )))
        }
        "CancelQuery" => {
            let request: ActionCancelQueryRequest = unpacked(body)?;
            cancel(flight, caller, decoded(&request.info)?)?;
            // 1 is `CANCEL_RESULT_CANCELLED`.
            Ok(Answer::of_any(&ActionCancelQueryResult { result: 1 }))
        }
        "SetSessionOptions" => set_session(flight, caller, decoded(body)?).map_err(status),
        "GetSessionOptions" => Ok(Answer::of(&Session::options(caller.database()))),
        "CloseSession" => Ok(Answer {
            cookie: Some(Session::forgotten()),
            ..Answer::of(&CloseResult { status: 1 })
        }),
        other => Err(status(unknown(other))),
    }
}

fn set_session(flight: &Flight, caller: &Caller, options: Options) -> Result<Answer> {
    let mut session = caller.session.clone();
    let result = session.set(flight.services()?, &caller.principal, options);
    Ok(Answer {
        cookie: Some(session.cookie(&caller.key)),
        ..Answer::of(&result)
    })
}

/// Stops what runs for the tickets of an info.
fn cancel(flight: &Flight, caller: &Caller, info: FlightInfo) -> Result<(), Status> {
    let tickets = info
        .endpoint
        .into_iter()
        .filter_map(|endpoint| endpoint.ticket);
    let mut has_cancelled = false;
    for ticket in tickets {
        let id = tickets::id_of_ticket(caller, &ticket.ticket).map_err(status)?;
        has_cancelled |= flight.app.server.running.cancel(&id);
    }
    match has_cancelled {
        true => Ok(()),
        false => Err(Status::not_found("no rows are being sent for this query")),
    }
}

fn unknown(action: &str) -> Error {
    let known = UNSUPPORTED.iter().find(|(name, _)| *name == action);
    match known {
        Some((_, what)) => Error::Unsupported { what },
        None => Error::InvalidParameter {
            name: "action".to_owned(),
            value: action.chars().take(100).collect(),
            expected: "one that ListActions names",
        },
    }
}

impl Answer {
    fn of(message: &impl Message) -> Self {
        Self {
            body: Some(message.encode_to_vec().into()),
            cookie: None,
        }
    }

    fn of_any(message: &impl ProstMessageExt) -> Self {
        Self::of(&message.as_any())
    }
}

fn unpacked<T: ProstMessageExt>(body: &[u8]) -> Result<T, Status> {
    let any: Any = decoded(body)?;
    let unpacked = any.unpack().ok().flatten();
    unpacked.ok_or_else(|| status(damaged()))
}

fn decoded<T: Message + Default>(body: &[u8]) -> Result<T, Status> {
    T::decode(body).map_err(|_| status(damaged()))
}

fn damaged() -> Error {
    Error::InvalidTicket {
        problem: "the body of the action is damaged",
    }
}
