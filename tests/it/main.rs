//! The whole program from outside: every test starts the real `tidemill` on a directory of its own,
//! talks HTTP to it or runs its command line, and asks with SQL what was stored.
//!
//! Nothing of the engine is linked, so these tests survive any rewrite of the insides.
//!
//! | module         | promises                                                                |
//! |----------------|-------------------------------------------------------------------------|
//! | `write_apis`   | what v1, v2 and v3 writers send is stored, in every unit and packing     |
//! | `bad_input`    | what is wrong is refused in each API's words; good lines are never lost  |
//! | `corpus`       | seventy bad inputs by every API, under load: answers to the byte, no harm |
//! | `connections`  | idle and slow connections are served or closed; nobody suffers by them   |
//! | `model`        | writes, deletes, drops, compactions and crashes, against a naive map     |
//! | `query_api`    | every format; no statement reaches outside of its database               |
//! | `flight`       | Arrow Flight SQL on both addresses: rows, tokens, limits, forged tickets |
//! | `golden`       | recorded exchanges come back word for word                               |
//! | `auth`         | who gets in, and that tokens stay out of the logs                        |
//! | `access`       | tokens with rights: made, used, rotated and revoked                      |
//! | `durability`   | nothing acknowledged is lost to `kill -9`; damage is found               |
//! | `full_disk`    | a full or read-only volume stops writes, never reads, and heals by itself |
//! | `backup`       | `verify`, `backup` and `restore` on local disk                           |
//! | `s3`           | the same engine on S3, which goes away, refuses and loses answers        |
//! | `secrets`      | no token or password is found where it was not shown                     |
//! | `maintenance`  | data sets of machines give the published and recomputed figures          |
//! | `models`       | trained models over crashes, backups, rights and replacement; a story on C-MAPSS |
//! | `tls`          | the command line over TLS; no tokens in the clear on a network            |
//! | `tasks`        | statements that run by themselves, over crashes, with their owner's rights |
//! | `checks`       | how bad things are and who is told, over crashes; what is sent where        |
//! | `mail`         | mail that is taken, refused, or must not be sent                         |
//! | `cli`          | the command line                                                         |
//! | `readme`       | what the README says works                                               |
//! | `stories`      | so does what the stories of the guide say                                |

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails; clippy knows only functions marked #[test] as tests"
)]

mod access;
mod auth;
mod backup;
mod bad_input;
mod checks;
mod cli;
mod client;
mod connections;
mod corpus;
#[path = "../stories/document.rs"]
mod document;
mod durability;
mod flight;
mod full_disk;
mod golden;
mod harness;
mod mail;
mod maintenance;
mod model;
mod models;
mod query_api;
mod readme;
mod rollups;
mod s3;
mod secrets;
mod stories;
mod tasks;
mod tls;
mod webhook;
mod write_apis;
