//! Segments: sessions, machine cycles, and the ages of states.

mod change_flag;
mod cycle_id;
mod session_id;
mod time_since_change;

use datafusion_expr::WindowUDF;

use crate::window::Window;

/// The window functions of this family.
pub(crate) fn window_udfs() -> Vec<WindowUDF> {
    vec![
        Window::udf(session_id::SessionId),
        Window::udf(cycle_id::CycleId),
        Window::udf(change_flag::ChangeFlag),
        Window::udf(time_since_change::TimeSinceChange),
    ]
}
