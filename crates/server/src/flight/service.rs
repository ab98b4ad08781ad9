//! The calls of Flight, one method each: decode, ask one module, encode.

use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::{Any, Command};
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo,
    HandshakeRequest, PollInfo, PutResult, Result as ActionResult, SchemaResult, Ticket,
};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use prost::Message as _;
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status, Streaming};

use super::actions;
use super::caller::Caller;
use super::errors::status;
use super::handshake;
use super::ingest;
use super::prepared::{self, Messages};
use super::statements;
use super::stream;
use super::tickets::{self, Statement, Work};
use crate::error::{Error, Result};
use crate::http::App;
use crate::services::Services;

type Answers<T> = BoxStream<'static, Result<T, Status>>;

/// The Flight service of a listener.
#[derive(Debug, Clone)]
pub(super) struct Flight {
    pub(super) app: App,
}

impl Flight {
    pub(super) fn new(app: App) -> Self {
        Self { app }
    }

    pub(super) fn services(&self) -> Result<&Services> {
        self.app.server.services()
    }

    fn caller<T>(&self, request: &Request<T>) -> Result<Caller, Status> {
        let services = self.services().map_err(status)?;
        let (headers, extensions) = (request.metadata().as_ref(), request.extensions());
        Caller::of(services, headers, extensions).map_err(status)
    }
}

/// Ends with the deadline of the caller, where it has one.
async fn within<T>(
    caller: &Caller,
    answer: impl Future<Output = Result<T, Status>>,
) -> Result<T, Status> {
    let Some(timeout) = caller.timeout else {
        return answer.await;
    };
    let late = |_| status(query::Error::Timeout { timeout }.into());
    tokio::time::timeout(timeout, answer).await.map_err(late)?
}

#[tonic::async_trait]
impl FlightService for Flight {
    type HandshakeStream = handshake::Responses;
    type ListFlightsStream = Answers<FlightInfo>;
    type DoGetStream = Answers<FlightData>;
    type DoPutStream = Answers<PutResult>;
    type DoActionStream = Answers<ActionResult>;
    type ListActionsStream = Answers<ActionType>;
    type DoExchangeStream = Answers<FlightData>;

    async fn handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        handshake::answer(self, request).await
    }

    async fn list_flights(
        &self,
        _request: Request<Criteria>,
    ) -> Result<Response<Self::ListFlightsStream>, Status> {
        let what = "ListFlights: a flight is made by a query, and there are none without one; it";
        Err(status(Error::Unsupported { what }))
    }

    async fn get_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let caller = self.caller(&request)?;
        let info = async {
            let info = statements::info(self, &caller, request.into_inner()).await;
            info.map_err(status)
        };
        Box::pin(within(&caller, info)).await.map(Response::new)
    }

    /// Planning is all that there is to wait for, so the first answer is the last.
    async fn poll_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<PollInfo>, Status> {
        let info = self.get_flight_info(request).await?.into_inner();
        Ok(Response::new(PollInfo {
            info: Some(info),
            flight_descriptor: None,
            progress: Some(1.0),
            expiration_time: None,
        }))
    }

    async fn get_schema(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<SchemaResult>, Status> {
        let caller = self.caller(&request)?;
        let schema = async {
            let descriptor = request.into_inner();
            let schema = statements::schema_of_descriptor(self, &caller, descriptor).await;
            schema.map_err(status)
        };
        Box::pin(within(&caller, schema)).await.map(Response::new)
    }

    async fn do_get(
        &self,
        request: Request<Ticket>,
    ) -> Result<Response<Self::DoGetStream>, Status> {
        let caller = self.caller(&request)?;
        let work = tickets::of_ticket(&caller, &request.get_ref().ticket).map_err(status)?;
        let id = match &work {
            Work::Statement(statement) => statement.id.clone(),
            Work::Metadata(_) => Default::default(),
        };
        let running = self.app.server.running.enter(id);
        let rows = tokio::select! {
            () = running.cancelled() => Err(Error::QueryCancelled),
            rows = statements::rows(self, &caller, work) => rows,
        };
        let messages = stream::messages(&self.app, rows.map_err(status)?, running);
        Ok(Response::new(messages))
    }

    async fn do_put(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoPutStream>, Status> {
        let caller = self.caller(&request)?;
        let messages: Messages = Box::pin(request.into_inner().peekable());
        let result = Box::pin(within(&caller, put(self, &caller, messages))).await?;
        let app_metadata = result.into();
        let result = futures::stream::iter([Ok(PutResult { app_metadata })]);
        Ok(Response::new(result.boxed()))
    }

    async fn do_action(
        &self,
        request: Request<Action>,
    ) -> Result<Response<Self::DoActionStream>, Status> {
        let caller = self.caller(&request)?;
        let action = actions::run(self, &caller, request.into_inner());
        let answer = Box::pin(within(&caller, action)).await?;
        let body = answer.body.map(|body| Ok(ActionResult { body }));
        let mut response = Response::new(futures::stream::iter(body).boxed());
        if let Some(cookie) = answer.cookie {
            let value = MetadataValue::try_from(cookie).map_err(statements::internal);
            let metadata = response.metadata_mut();
            metadata.insert("set-cookie", value.map_err(status)?);
        }
        Ok(response)
    }

    async fn list_actions(
        &self,
        _request: Request<Empty>,
    ) -> Result<Response<Self::ListActionsStream>, Status> {
        let actions = futures::stream::iter(actions::list().map(Ok));
        Ok(Response::new(actions.boxed()))
    }

    async fn do_exchange(
        &self,
        _request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoExchangeStream>, Status> {
        let what = "DoExchange";
        Err(status(Error::Unsupported { what }))
    }
}

/// Takes what a client sends, and says what became of it in the message that the command has for
/// that.
async fn put(flight: &Flight, caller: &Caller, mut messages: Messages) -> Result<Vec<u8>, Status> {
    let command = command_of(&mut messages).await?;
    let record_count = match command {
        Command::CommandPreparedStatementQuery(query) => {
            let handle = &query.prepared_statement_handle;
            let bound = prepared::bind(caller, handle, messages).await?;
            return Ok(bound.encode_to_vec());
        }
        Command::CommandPreparedStatementUpdate(update) => {
            let handle = &update.prepared_statement_handle;
            let updated = prepared::update(flight, caller, handle, messages).await;
            updated.map_err(status)?;
            UNKNOWN_COUNT
        }
        Command::CommandStatementUpdate(update) => {
            let is_alone = tickets::is_none(&update.transaction_id);
            let statement = Statement {
                sql: update.query,
                ..Statement::default()
            };
            let what = "a transaction";
            let changed = match is_alone {
                true => statements::change(flight, caller, &statement).await,
                false => Err(Error::Unsupported { what }),
            };
            changed.map_err(status)?;
            UNKNOWN_COUNT
        }
        Command::CommandStatementIngest(command) => {
            let rows = ingest::rows(flight, caller, command, messages).await;
            rows.map_err(status)?
        }
        _ => {
            let problem = "it is no command that takes rows";
            return Err(status(Error::InvalidTicket { problem }));
        }
    };
    Ok(update_result(record_count))
}

/// A `DoPutUpdateResult`. Its count is written out also where it is 0, which is otherwise left out of
/// messages of protobuf: clients take a result of no bytes for none.
fn update_result(record_count: i64) -> Vec<u8> {
    let mut result = Vec::new();
    prost::encoding::int64::encode(1, &record_count, &mut result);
    result
}

/// Statements do not say how many rows they concern.
const UNKNOWN_COUNT: i64 = -1;

/// The command that comes with the first message.
async fn command_of(messages: &mut Messages) -> Result<Command, Status> {
    let invalid = |problem| status(Error::InvalidTicket { problem });
    let first = match messages.as_mut().peek().await {
        Some(Ok(first)) => first,
        Some(Err(broken)) => return Err(broken.clone()),
        None => return Err(invalid("nothing was sent")),
    };
    let descriptor = first.flight_descriptor.as_ref();
    let descriptor = descriptor.ok_or_else(|| invalid("the first message has no descriptor"))?;
    let any = Any::decode(descriptor.cmd.clone()).map_err(|_| invalid("it is no Any message"))?;
    Command::try_from(any).map_err(|_| invalid("its command is damaged"))
}
