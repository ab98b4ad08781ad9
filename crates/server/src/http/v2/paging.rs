//! Lists in pages: `limit`, `offset`, `after`, `descending`, and the links to the pages beside one.

use catalog::RecordId;
use serde::Serialize;

use super::ids;
use crate::error::{Error, Result};
use crate::http::parameters::Parameters;

const LIMIT_DEFAULT: usize = 20;
const LIMIT_MAX: usize = 100;

/// Which part of a list is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    limit: usize,
    offset: usize,
    after: Option<RecordId>,
    is_descending: bool,
}

/// Where a list and the pages beside it are.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Links {
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev: Option<String>,
    #[serde(rename = "self")]
    this: String,
}

impl Page {
    pub(super) fn of(parameters: &mut Parameters) -> Result<Self> {
        Self::up_to(LIMIT_MAX, parameters)
    }

    /// The same for lists with pages of another size.
    pub(super) fn up_to(limit_max: usize, parameters: &mut Parameters) -> Result<Self> {
        let limit = number(parameters, "limit")?.unwrap_or(LIMIT_DEFAULT);
        if !(1..=limit_max).contains(&limit) {
            let problem = format!("limit must be between 1 and {limit_max}");
            return Err(Error::InvalidRequest { problem });
        }
        let after = parameters.take_some("after");
        Ok(Self {
            limit,
            offset: number(parameters, "offset")?.unwrap_or(0),
            after: after.as_deref().map(ids::parse).transpose()?,
            is_descending: parameters.take_flag("descending", false)?,
        })
    }

    /// The items of this page, and whether there are more. Lists are in the order of their ids, which
    /// is that of making.
    pub(super) fn cut<T>(&self, mut items: Vec<T>, id: impl Fn(&T) -> RecordId) -> (Vec<T>, bool) {
        items.sort_by_key(&id);
        if self.is_descending {
            items.reverse();
        }
        if let Some(after) = self.after {
            let is_later = |item: &T| match self.is_descending {
                false => id(item) > after,
                true => id(item) < after,
            };
            items.retain(is_later);
        }
        let mut rest = items.into_iter().skip(self.offset);
        let page: Vec<_> = rest.by_ref().take(self.limit).collect();
        (page, rest.next().is_some())
    }

    /// The links of this page. `filters` are the other parameters of the request.
    pub(super) fn links(&self, path: &str, filters: &[(&str, Option<&str>)], more: bool) -> Links {
        let at = |offset: usize| {
            let mut query = form_urlencoded::Serializer::new(String::new());
            for (name, value) in filters {
                if let Some(value) = value {
                    query.append_pair(name, value);
                }
            }
            query.append_pair("descending", &self.is_descending.to_string());
            query.append_pair("limit", &self.limit.to_string());
            query.append_pair("offset", &offset.to_string());
            format!("{path}?{}", query.finish())
        };
        let before = self.offset.saturating_sub(self.limit);
        Links {
            next: more.then(|| at(self.offset + self.limit)),
            prev: (self.offset > 0).then(|| at(before)),
            this: at(self.offset),
        }
    }
}

fn number(parameters: &mut Parameters, name: &str) -> Result<Option<usize>> {
    let Some(text) = parameters.take_some(name) else {
        return Ok(None);
    };
    let parsed = text.parse().map_err(|_| Error::InvalidRequest {
        problem: format!("{name} is invalid"),
    });
    parsed.map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &str) -> Result<Page> {
        let uri = format!("/api/v2/buckets?{query}").parse().unwrap();
        Page::of(&mut Parameters::of(&uri).unwrap())
    }

    #[test]
    fn pages_are_parts_of_a_list_by_id() {
        let check = |query: &str, expected: &[u64], more: bool| {
            let items = vec![3, 1, 2, 5, 4];
            let (found, has_more) = page(query).unwrap().cut(items, |id| RecordId(*id));
            assert_eq!((found.as_slice(), has_more), (expected, more), "{query}");
        };
        check("", &[1, 2, 3, 4, 5], false);
        check("limit=2", &[1, 2], true);
        check("limit=2&offset=4", &[5], false);
        check("limit=2&offset=9", &[], false);
        check("descending=true&limit=3", &[5, 4, 3], true);
        check("after=0000000000000003", &[4, 5], false);
        check("after=0000000000000003&descending=true", &[2, 1], false);
        for bad in [
            "limit=0",
            "limit=101",
            "limit=x",
            "offset=-1",
            "after=3",
            "descending=2",
        ] {
            assert!(page(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn links_lead_to_the_pages_beside_one() {
        let links = |query: &str, more| {
            let path = "/api/v2/buckets";
            page(query)
                .unwrap()
                .links(path, &[("org", Some("my org")), ("id", None)], more)
        };
        let at =
            |offset| format!("/api/v2/buckets?org=my+org&descending=false&limit=2&offset={offset}");
        let found = links("limit=2&offset=3", true);
        assert_eq!(found.next, Some(at(5)));
        assert_eq!(found.prev, Some(at(1)));
        assert_eq!(found.this, at(3));
        let found = links("limit=2", false);
        assert_eq!((found.next, found.prev, found.this), (None, None, at(0)));
    }
}
