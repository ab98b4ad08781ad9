//! `database()`: the schema of user tables, which clients of the MySQL kind, Grafana among them, look
//! tables up in.

use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use crate::session::SCHEMA;

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct DatabaseName {
    signature: Signature,
}

impl DatabaseName {
    pub(super) fn new() -> Self {
        Self {
            signature: Signature::nullary(Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for DatabaseName {
    fn name(&self) -> &str {
        "database"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, _arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(ScalarValue::from(SCHEMA)))
    }
}
