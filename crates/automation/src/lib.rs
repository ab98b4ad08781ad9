//! When time-driven work is due: schedules and their windows, and the scheduler that decides what runs. How bad
//! things are, by what checks see, and who is told of it when.
//!
//! ```text
//!   definitions, progress ─▶ ┌───────────┐ ─▶ what to start, what to note, when to ask again
//!   what happened ─────────▶ │ Scheduler │
//!   the time now ──────────▶ └───────────┘
//! ```
//!
//! Nothing here reads a clock, sleeps, or knows what a run does: the time is a parameter of
//! [`Scheduler::next`], and what it says is carried out elsewhere. That is how a year of runs, crashes and
//! clock changes is tested in a second.
//!
//! Times are nanoseconds since 1970-01-01T00:00:00Z.

mod check;
mod definition;
mod error;
mod outbox;
mod schedule;
mod scheduler;
mod tags;
mod window;

pub use check::{Alert, Condition, Judgement, Level, Pending, Series, Transition, judged};
pub use definition::{Definition, Overlap, Progress, RunId, TaskId, Trigger};
pub use error::{Error, Result};
pub use outbox::{Due, Group, Item, Outbox, Pace, Sending, Told, back_off};
pub use schedule::{Schedule, length};
pub use scheduler::{
    Actions, Cause, Ended, Outcome, Request, Scheduler, Skipped, Start, State, Status,
};
pub use tags::{TagMatch, TagMatches};
pub use window::Window;
