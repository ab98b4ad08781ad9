//! Which database of ours a v1 database and retention policy are.
//!
//! | v1 database, policy | ours |
//! |---|---|
//! | a mapping of theirs (`/api/v2/dbrps`), or the default one where no policy is named | what it says |
//! | `plant`, none or `autogen` or `default` | `plant` |
//! | `plant`, `weekly` | `plant/weekly` |

use std::collections::BTreeSet;

use catalog::{DatabaseMapping, RecordId, Retention, State};

/// The name of the policy that every database has.
pub(in crate::http) const DEFAULT_POLICY: &str = "autogen";

/// A retention policy of a database.
#[derive(Debug)]
pub(super) struct Policy {
    pub(super) name: String,
    /// The database of ours that it is.
    pub(super) database: String,
    pub(super) retention: Retention,
    /// Whether it is meant where none is named.
    pub(super) is_default: bool,
    /// The mapping that says so.
    pub(super) mapping: Option<RecordId>,
}

/// The database that a v1 database and policy are.
pub(in crate::http) fn database_of(state: &State, database: &str, policy: Option<&str>) -> String {
    let policy = policy.filter(|policy| !policy.is_empty());
    let is_meant = |mapping: &DatabaseMapping| {
        mapping.database == database
            && match policy {
                Some(policy) => mapping.retention_policy == policy,
                None => mapping.is_default,
            }
    };
    let mapping = state.mappings().find(|mapping| is_meant(mapping));
    let mapped = mapping.and_then(|mapping| state.database_of(mapping.target));
    match (mapped, policy) {
        (Some(mapped), _) => mapped.name.to_string(),
        (None, Some(policy)) if !is_default_policy(policy) => format!("{database}/{policy}"),
        (None, _) => database.to_owned(),
    }
}

/// Whether a policy is the one that every database has.
pub(in crate::http) fn is_default_policy(policy: &str) -> bool {
    matches!(policy, "" | DEFAULT_POLICY | "default")
}

/// Whether two names are those of one policy.
pub(super) fn is_same_policy(one: &str, other: &str) -> bool {
    one == other || (is_default_policy(one) && is_default_policy(other))
}

/// The v1 databases that there are.
pub(super) fn databases(state: &State) -> BTreeSet<&str> {
    let named = state.databases();
    let named = named.map(|database| database_part(&database.name));
    let live = |mapping: &&DatabaseMapping| state.database_of(mapping.target).is_some();
    let mapped = state.mappings().map(|mapping| &**mapping).filter(live);
    named
        .chain(mapped.map(|mapping| mapping.database.as_str()))
        .collect()
}

/// The v1 database that a database of ours belongs to.
fn database_part(name: &str) -> &str {
    name.split_once('/').map_or(name, |(database, _)| database)
}

/// The policies of a v1 database, by name.
pub(super) fn policies_of(state: &State, database: &str) -> Vec<Policy> {
    let of_it = state
        .mappings()
        .filter(|mapping| mapping.database == database);
    let mapped = of_it.filter_map(|mapping| {
        let target = state.database_of(mapping.target)?;
        Some(Policy {
            name: mapping.retention_policy.clone(),
            database: target.name.to_string(),
            retention: target.retention,
            is_default: mapping.is_default,
            mapping: Some(mapping.id),
        })
    });
    let mut policies: Vec<_> = mapped.collect();
    let has_default = policies.iter().any(|policy| policy.is_default);
    for found in state.databases() {
        let name = match found.name.strip_prefix(database) {
            Some("") => DEFAULT_POLICY,
            Some(rest) => match rest.strip_prefix('/') {
                Some(policy) => policy,
                None => continue,
            },
            None => continue,
        };
        // Under another name than the one it has been given by a mapping it is reached no more.
        let is_known = |known: &Policy| known.name == name || *known.database == *found.name;
        if !policies.iter().any(is_known) {
            policies.push(Policy {
                name: name.to_owned(),
                database: found.name.to_string(),
                retention: found.retention,
                is_default: !has_default && is_default_policy(name),
                mapping: None,
            });
        }
    }
    policies.sort_by(|one, other| one.name.cmp(&other.name));
    policies
}

#[cfg(test)]
mod tests {
    use catalog::{Catalog, DatabaseName, Limits};

    use super::*;

    /// Databases `plant`, `plant/weekly`, `plant2` and `lab/raw`.
    async fn catalog() -> Catalog {
        let store = std::sync::Arc::new(object_store::memory::InMemory::new());
        let catalog = Catalog::open(store, Limits::default()).await.unwrap();
        for (database, policy) in [
            ("plant", None),
            ("plant", Some("weekly")),
            ("plant2", None),
            ("lab", Some("raw")),
        ] {
            let name = DatabaseName::with_retention_policy(database, policy).unwrap();
            let created = catalog.create_database(&name, Retention::Forever).await;
            created.unwrap();
        }
        catalog
    }

    async fn map(catalog: &Catalog, target: &str, database: &str, policy: &str, is_default: bool) {
        let state = catalog.state();
        let target = state.database(target).unwrap().id;
        let organization = catalog.create_record(|id| catalog::Organization {
            id,
            name: format!("of {database}/{policy}"),
            description: String::new(),
            created_at_nanos: 0,
            updated_at_nanos: 0,
            members: vec![],
        });
        let organization = organization.await.unwrap().id;
        let mapped = catalog.create_record(|id| DatabaseMapping {
            id,
            organization,
            target,
            database: database.to_owned(),
            retention_policy: policy.to_owned(),
            is_default,
        });
        mapped.await.unwrap();
    }

    #[tokio::test]
    async fn a_database_and_its_policies_are_databases_of_ours() {
        let catalog = catalog().await;
        map(&catalog, "plant2", "lab", "fine", true).await;
        let check = |database, policy, expected: &str| {
            assert_eq!(database_of(&catalog.state(), database, policy), expected);
        };
        check("plant", None, "plant");
        check("plant", Some(""), "plant");
        check("plant", Some("autogen"), "plant");
        check("plant", Some("default"), "plant");
        check("plant", Some("weekly"), "plant/weekly");
        check("nowhere", Some("weekly"), "nowhere/weekly");
        check("lab", None, "plant2");
        check("lab", Some("fine"), "plant2");
        check("lab", Some("raw"), "lab/raw");
    }

    #[tokio::test]
    async fn policies_are_found_by_their_database() {
        let catalog = catalog().await;
        map(&catalog, "plant2", "lab", "fine", true).await;
        map(&catalog, "plant/weekly", "plant", "seven days", false).await;
        let check = |database, expected: &[(&str, &str, bool)]| {
            let policies = policies_of(&catalog.state(), database);
            let found = policies.iter();
            let found = found.map(|p| (p.name.as_str(), p.database.as_str(), p.is_default));
            assert_eq!(found.collect::<Vec<_>>(), expected, "{database}");
        };
        let weekly = ("seven days", "plant/weekly", false);
        check("plant", &[("autogen", "plant", true), weekly]);
        check("plant2", &[("autogen", "plant2", true)]);
        check(
            "lab",
            &[("fine", "plant2", true), ("raw", "lab/raw", false)],
        );
        check("pla", &[]);
        let state = catalog.state();
        let names: Vec<_> = databases(&state).into_iter().collect();
        assert_eq!(names, ["lab", "plant", "plant2"]);
    }
}
