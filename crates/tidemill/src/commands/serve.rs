//! `tidemill serve`: runs a server until it is told to stop.

use std::path::PathBuf;
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use super::Result;
use crate::cli::ServeArgs;
use crate::serving::{AdminToken, Endpoints, Running, ServeError, Settings};
use crate::{logging, settings};

/// Runs the server; returns when SIGINT or SIGTERM has been obeyed.
pub(crate) fn run(args: &ServeArgs) -> Result<ExitCode> {
    logging::start();
    let settings: Settings = settings::layered(
        args.config.as_deref(),
        settings::environment(),
        args.overrides(),
    )?;
    let data_dir = args
        .data_dir
        .clone()
        .unwrap_or_else(|| PathBuf::from("tidemill-data"));
    runtime()?.block_on(async {
        let without_auth = settings.listen.without_auth;
        let running = Running::start(settings, &data_dir, args.admin_token_file.as_deref()).await?;
        announce(&running, without_auth);
        stop_signal().await?;
        running.stop().await?;
        Ok(ExitCode::SUCCESS)
    })
}

/// The runtime that requests are answered on; queries have threads of their own.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    Ok(runtime.map_err(|source| ServeError::Runtime { source })?)
}

/// Says where the server is and how to get in.
pub(crate) fn announce(running: &Running, without_auth: bool) {
    let Endpoints { http, v3, scheme } = running.endpoints;
    eprintln!("v1 and v2 API   {scheme}://{http}");
    if let Some(v3) = v3 {
        eprintln!("v3 API          {scheme}://{v3}");
    }
    match &running.admin_token {
        _ if without_auth => eprintln!("admin token     not asked for (--without-auth)"),
        AdminToken::File(path) => eprintln!("admin token     in {}", path.display()),
        AdminToken::Given => eprintln!("admin token     the one given at the first start"),
    }
}

/// Waits until someone asks the process to stop.
pub(crate) async fn stop_signal() -> Result<(), ServeError> {
    let failed = |source| ServeError::Signals { source };
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
