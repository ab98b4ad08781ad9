//! Query parameters, taken one by one.

use axum::extract::Query;
use axum::http::Uri;

use crate::error::{Error, Result};

/// The parameters of a request. Where one is given twice the first counts; those that nobody takes
/// are ignored, as clients send many that only matter elsewhere.
#[derive(Debug)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(crate) fn of(uri: &Uri) -> Result<Self> {
        let parsed = Query::<Vec<(String, String)>>::try_from_uri(uri);
        let Query(pairs) = parsed.map_err(|_| Error::InvalidParameter {
            name: "query".to_owned(),
            value: String::new(),
            expected: "pairs of name=value, percent-encoded",
        })?;
        Ok(Self(pairs))
    }

    /// The parameters in a form's body.
    pub(crate) fn of_form(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    /// Parameters that are known already.
    pub(crate) fn from_pairs(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// These parameters, and those of another place where these say nothing.
    pub(crate) fn or(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// The value of a parameter.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(given, _)| given == name)?;
        Some(self.0.remove(at).1)
    }

    /// The value of a parameter, unless it is empty.
    pub(crate) fn take_some(&mut self, name: &str) -> Option<String> {
        self.take(name).filter(|value| !value.is_empty())
    }

    /// The value of a parameter that is true or false.
    pub(crate) fn take_flag(&mut self, name: &str, default: bool) -> Result<bool> {
        match self.take(name).as_deref() {
            None | Some("") => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(other) => Err(Error::InvalidParameter {
                name: name.to_owned(),
                value: other.chars().take(100).collect(),
                expected: "true or false",
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded_and_the_first_of_a_name_counts() {
        let uri = "/write?db=my+db%2F%C3%A9&db=second&flag=true&empty=&odd=maybe&zz=1";
        let mut parameters = Parameters::of(&uri.parse().unwrap()).unwrap();
        assert_eq!(parameters.take("db").as_deref(), Some("my db/é"));
        assert!(parameters.take_flag("flag", false).unwrap());
        assert!(parameters.take_flag("absent", true).unwrap());
        assert_eq!(parameters.take_some("empty"), None);
        let error = parameters.take_flag("odd", false).unwrap_err();
        assert_eq!(error.reason(), "invalid_parameter");
    }
}
