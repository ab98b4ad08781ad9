//! Calls of functions that use models, in the text of a statement: what has to be known of a model before a plan can be made.
//!
//! | call                     | becomes                                                                      |
//! |--------------------------|------------------------------------------------------------------------------|
//! | `predict('m')`           | `predict('m', "a", "b")`: the columns under the names that it learned from   |
//! | `model_outputs('m', …)`  | the same, and the function learns what type its result has                   |
//! | any other                | what it was                                                                  |
//!
//! Whether the columns fit is judged where models are put into the plan (`binding.rs`).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectNamePart, Value,
    VisitMut, VisitorMut,
};
use functions::{ModelVersion, is_typed_by_model, model_call, typed_model_outputs};

use super::{Scope, feature_names};
use crate::error::Result;

/// Completes the calls of a statement that say the name of a model and leave the rest to it. The session is the one to plan the
/// statement with.
pub(crate) async fn complete<'a>(
    session: &'a SessionState,
    statement: &mut Statement,
) -> Result<Cow<'a, SessionState>> {
    let mut found = Find::default();
    visit(statement, &mut found);
    let scope = session.config().get_extension::<Scope>();
    let Some(scope) = scope.filter(|_| !found.names.is_empty()) else {
        return Ok(Cow::Borrowed(session));
    };
    let mut versions = BTreeMap::new();
    for name in found.names {
        if let Entry::Vacant(place) = versions.entry(name) {
            let version = scope.find(place.key()).await?;
            place.insert(version);
        }
    }
    visit(statement, &mut Fill(&versions));
    let typed = found.typed.iter();
    let typed = typed.map(|name| (name.as_str(), &versions[name]));
    let mut session = session.clone();
    session.register_udf(Arc::new(typed_model_outputs(typed)?))?;
    Ok(Cow::Owned(session))
}

fn visit<V: VisitorMut<Break = ()>>(statement: &mut Statement, visitor: &mut V) {
    match statement {
        Statement::Statement(statement) => {
            let visited = statement.visit(visitor);
            debug_assert!(visited.is_continue(), "nothing stops it");
        }
        Statement::Explain(explain) => visit(&mut explain.statement, visitor),
        _ => {}
    }
}

/// A call of a function that uses a model.
struct Call<'a> {
    model: &'a str,
    is_typed: bool,
    /// Whether nothing follows the name of the model and the constants.
    is_bare: bool,
}

impl<'a> Call<'a> {
    fn of(function: &'a Function) -> Option<Self> {
        let [ObjectNamePart::Identifier(name)] = function.name.0.as_slice() else {
            return None;
        };
        let name = match name.quote_style {
            None => name.value.to_ascii_lowercase(),
            Some(_) => name.value.clone(),
        };
        let form = model_call(&name)?;
        let FunctionArguments::List(list) = &function.args else {
            return None;
        };
        Some(Self {
            model: text(list.args.first()?)?,
            is_typed: is_typed_by_model(&name),
            is_bare: list.args.len() == 1 + form.constants,
        })
    }
}

/// The text that an argument is.
fn text(argument: &FunctionArg) -> Option<&str> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value))) => match &value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// Finds the models that must be known.
#[derive(Default)]
struct Find {
    names: Vec<String>,
    /// Those that a type follows from.
    typed: Vec<String>,
}

impl VisitorMut for Find {
    type Break = ();

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expression
            && let Some(call) = Call::of(function)
        {
            if call.is_bare || call.is_typed {
                self.names.push(call.model.to_owned());
            }
            if call.is_typed {
                self.typed.push(call.model.to_owned());
            }
        }
        ControlFlow::Continue(())
    }
}

/// Writes down the columns of bare calls.
struct Fill<'a>(&'a BTreeMap<String, ModelVersion>);

impl VisitorMut for Fill<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expression
            && let Some(call) = Call::of(function)
            && call.is_bare
            && let Some(version) = self.0.get(call.model)
            && let FunctionArguments::List(list) = &mut function.args
        {
            let columns = feature_names::columns(version.model.names());
            let columns = columns
                .into_iter()
                .map(|column| Ident::with_quote('"', column));
            let argument =
                |column| FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(column)));
            list.args.extend(columns.map(argument));
        }
        ControlFlow::Continue(())
    }
}
