//! Alerts: conditions shaped so that they do not flutter. The mathematics is in [`analytics::alerts`].

mod alert_debounce;
mod hysteresis;

use datafusion_expr::WindowUDF;

use crate::window::Window;

/// The window functions of this family.
pub(crate) fn window_udfs() -> Vec<WindowUDF> {
    vec![
        Window::udf(alert_debounce::AlertDebounce),
        Window::udf(hysteresis::Hysteresis),
    ]
}
