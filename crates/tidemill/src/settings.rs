//! Where settings come from: one struct, filled in layers.
//!
//! ```text
//! Default  <  file (TOML)  <  environment  <  flags
//! ```
//!
//! **Names.** A setting's path is that in the file: `wal.recovery` is `recovery` in the table `[wal]`. The
//! top-level tables are the sections. In the environment it is `TIDEMILL_<SECTION>_<KEY>` in upper case,
//! with two underscores between the levels below a section:
//!
//! | path                         | variable                                |
//! |------------------------------|-----------------------------------------|
//! | `wal.recovery`               | `TIDEMILL_WAL_RECOVERY`                 |
//! | `object_store.s3.access_key` | `TIDEMILL_OBJECT_STORE_S3__ACCESS_KEY`  |
//! | `name` (in no section)       | `TIDEMILL_NAME`                         |
//!
//! **Unknown names** are errors in the file, in flags, and in variables that start with a section's
//! prefix; the message has the nearest known name. Other variables are not ours to judge: the client's
//! (`TIDEMILL_HOST` and the like), the init variables, and what else an environment may contain.
//!
//! **Values** in the environment and after `--set` are text, and read by the type of the default: a number
//! for a number, `true` or `false`, a list as TOML or with commas between the items, and anything else as it
//! stands. Each is tried on the struct at once, so that an error names its origin. A table is set key by key.
//!
//! **What is known** is told by the default value as serialized: every field must be in it, `None` fields
//! too (no `skip_serializing_if`). A table that is empty by default takes any key.

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Shape;
use toml::{Table, Value};

/// What every variable of ours starts with.
const PREFIX: &str = "TIDEMILL_";
/// Variables that are not settings, whatever the sections are called.
const NOT_SETTINGS: [&str; 6] = [
    "TIDEMILL_HOST",
    "TIDEMILL_TOKEN",
    "TIDEMILL_TOKEN_FILE",
    "TIDEMILL_DATABASE",
    "TIDEMILL_CONFIG",
    "TIDEMILL_DATA_DIR",
];
/// The start of further such variables.
const INIT_PREFIX: &str = "TIDEMILL_INIT_";

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum SettingsError {
    #[error("cannot read the settings file {path:?}")]
    Read { path: PathBuf, source: io::Error },
    #[error("the settings file {path:?} is not TOML")]
    Syntax {
        path: PathBuf,
        source: Box<toml::de::Error>,
    },
    #[error("{origin}: unknown setting {name:?}{}", suggestion(nearest))]
    Unknown {
        origin: String,
        name: String,
        nearest: Option<String>,
    },
    #[error("{origin}: {name:?} has settings below it; set those, such as {example:?}")]
    Section {
        origin: String,
        name: String,
        example: String,
    },
    #[error("{origin}: {value:?} is not a value for {name:?}: {reason}")]
    Value {
        origin: String,
        name: String,
        value: String,
        reason: String,
    },
    #[error("{origin}: {reason}")]
    File { origin: String, reason: String },
    #[error("the default settings cannot be written as TOML: {reason}")]
    Default { reason: String },
}

fn suggestion(nearest: &Option<String>) -> String {
    nearest
        .as_ref()
        .map(|name| format!("; did you mean {name:?}?"))
        .unwrap_or_default()
}

/// The environment of this process; variables that are not text cannot be settings.
pub(crate) fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// The result of reading settings.
pub(crate) type Result<T, E = SettingsError> = std::result::Result<T, E>;

/// Settings of type `T` from all their layers.
///
/// `overrides` are dotted paths with values, applied in order; text is read by the type of the default.
pub(crate) fn layered<T: Default + Serialize + DeserializeOwned>(
    file: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
    overrides: Vec<(String, Value)>,
) -> Result<T> {
    let mut layers = Layers::of_defaults::<T>()?;
    if let Some(path) = file {
        layers.apply_file::<T>(path)?;
    }
    // Sorted, so that of several errors always the same one is reported.
    let mut variables: Vec<_> = environment
        .filter(|(name, _)| name.starts_with(PREFIX))
        .collect();
    variables.sort();
    for (variable, text) in variables {
        if let Some(path) = layers.path_of_variable(&variable)? {
            let origin = format!("environment variable {variable}");
            layers.apply::<T>(&origin, &path, Value::String(text))?;
        }
    }
    for (name, value) in overrides {
        let path: Vec<String> = name.split('.').map(str::to_owned).collect();
        layers.apply::<T>("flags", &path, value)?;
    }
    parse(&layers.table).map_err(|reason| SettingsError::Default { reason })
}

/// All settings with their defaults as TOML in which every value is commented out.
pub(crate) fn template<T: Default + Serialize>() -> Result<String> {
    let layers = Layers::of_defaults::<T>()?;
    // From the struct, not from the table: it has the fields in the order of their declaration.
    let mut text = to_toml(&T::default())?
        .lines()
        .map(|line| {
            // Sections stay, so that a value needs only its own line uncommented.
            let is_plain = line.is_empty() || line.starts_with('[');
            if is_plain {
                format!("{line}\n")
            } else {
                format!("# {line}\n")
            }
        })
        .collect::<String>();
    let unset: Vec<String> = known_paths(&layers.shape)
        .into_iter()
        .filter(|path| lookup(&layers.shape, path).is_some_and(Shape::is_null))
        .map(|path| path.join("."))
        .collect();
    if !unset.is_empty() {
        text.push_str(&format!(
            "\n# Without a value unless set: {}\n",
            unset.join(", ")
        ));
    }
    Ok(text)
}

/// `value` as TOML: the settings in effect.
pub(crate) fn to_toml(value: &impl Serialize) -> Result<String> {
    toml::to_string_pretty(value).map_err(|error| SettingsError::Default {
        reason: error.to_string(),
    })
}

/// Every setting by its path, with its value as text; `None` where it has none. Secrets are written as
/// their type writes them, which is not at all.
pub(crate) fn listed(settings: &impl Serialize) -> Result<Vec<(String, Option<String>)>> {
    let shape = serde_json::to_value(settings).map_err(|error| SettingsError::Default {
        reason: error.to_string(),
    })?;
    let paths = known_paths(&shape).into_iter();
    let listed = paths.map(|path| {
        let value = lookup(&shape, &path).and_then(|value| match value {
            Shape::Null => None,
            Shape::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        });
        (path.join("."), value)
    });
    Ok(listed.collect())
}

/// The values so far, always complete, and what may be set.
struct Layers {
    table: Table,
    /// The default as JSON, which unlike TOML has a place for what is not set.
    shape: Shape,
}

impl Layers {
    fn of_defaults<T: Default + Serialize>() -> Result<Self> {
        let broken = |reason: String| SettingsError::Default { reason };
        let default = T::default();
        let table = Table::try_from(&default).map_err(|error| broken(error.to_string()))?;
        let shape = serde_json::to_value(&default).map_err(|error| broken(error.to_string()))?;
        Ok(Self { table, shape })
    }

    fn apply_file<T: DeserializeOwned>(&mut self, path: &Path) -> Result<()> {
        let text = std::fs::read_to_string(path).map_err(|source| SettingsError::Read {
            path: path.to_owned(),
            source,
        })?;
        let file: Table = text.parse().map_err(|source| SettingsError::Syntax {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
        let origin = format!("settings file {path:?}");
        for leaf in leaves(&file, &self.shape) {
            self.check_known(&origin, &leaf)?;
        }
        merge(&mut self.table, file, &self.shape);
        parse::<T>(&self.table)
            .map(drop)
            .map_err(|reason| SettingsError::File { origin, reason })
    }

    /// Sets one value; an error names `origin`.
    fn apply<T: DeserializeOwned>(
        &mut self,
        origin: &str,
        path: &[String],
        value: Value,
    ) -> Result<()> {
        self.check_known(origin, path)?;
        self.check_leaf(origin, path)?;
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        let mut first_reason = None;
        for candidate in candidates(value, lookup(&self.shape, path)) {
            let mut table = self.table.clone();
            let result = insert(&mut table, path, candidate).and_then(|()| parse::<T>(&table));
            match result {
                Ok(_) => {
                    self.table = table;
                    return Ok(());
                }
                Err(reason) => first_reason = first_reason.or(Some(reason)),
            }
        }
        Err(SettingsError::Value {
            origin: origin.to_owned(),
            name: path.join("."),
            value: text,
            reason: first_reason.unwrap_or_else(|| "its type is another".to_owned()),
        })
    }

    /// The path that a variable stands for; none if it is not a setting.
    fn path_of_variable(&self, variable: &str) -> Result<Option<Vec<String>>> {
        if NOT_SETTINGS.contains(&variable) || variable.starts_with(INIT_PREFIX) {
            return Ok(None);
        }
        let name = variable
            .strip_prefix(PREFIX)
            .unwrap_or(variable)
            .to_lowercase();
        let Some(sections) = self.shape.as_object() else {
            return Ok(None);
        };
        if sections.get(&name).is_some_and(|shape| !shape.is_object()) {
            return Ok(Some(vec![name]));
        }
        // The longest, as `object_store` and `object` may both be sections.
        let section = sections
            .iter()
            .filter(|(section, shape)| {
                let rest = name.strip_prefix(section.as_str());
                shape.is_object() && rest.is_some_and(|rest| rest.starts_with('_'))
            })
            .map(|(section, _)| section)
            .max_by_key(|section| section.len());
        let Some(section) = section else {
            return Ok(None);
        };
        let keys = name[section.len() + 1..].split("__").map(str::to_owned);
        let path: Vec<String> = std::iter::once(section.clone()).chain(keys).collect();
        if is_known(&self.shape, &path) {
            return Ok(Some(path));
        }
        let known = known_paths(&self.shape);
        let known = known.iter().map(|path| variable_of_path(path));
        Err(SettingsError::Unknown {
            origin: "environment".to_owned(),
            name: variable.to_owned(),
            nearest: nearest(variable, known),
        })
    }

    /// A table as a whole is refused: it would silently drop the keys that it does not mention.
    fn check_leaf(&self, origin: &str, path: &[String]) -> Result<()> {
        let below = lookup(&self.shape, path)
            .map(known_paths)
            .unwrap_or_default();
        match below.first() {
            Some(first) if !first.is_empty() => Err(SettingsError::Section {
                origin: origin.to_owned(),
                name: path.join("."),
                example: [path, first].concat().join("."),
            }),
            _ => Ok(()),
        }
    }

    fn check_known(&self, origin: &str, path: &[String]) -> Result<()> {
        if is_known(&self.shape, path) {
            return Ok(());
        }
        let name = path.join(".");
        let known = known_paths(&self.shape)
            .into_iter()
            .map(|path| path.join("."));
        let nearest = nearest(&name, known);
        Err(SettingsError::Unknown {
            origin: origin.to_owned(),
            name,
            nearest,
        })
    }
}

fn variable_of_path(path: &[String]) -> String {
    let name = match path {
        [section, keys @ ..] if !keys.is_empty() => format!("{section}_{}", keys.join("__")),
        _ => path.join("__"),
    };
    format!("{PREFIX}{}", name.to_uppercase())
}

fn parse<T: DeserializeOwned>(table: &Table) -> std::result::Result<T, String> {
    // The error goes on with the place in the table on lines of its own; one line is enough.
    T::deserialize(table.clone()).map_err(|error| error.to_string().trim().replace('\n', " "))
}

/// The values that may be meant, the likeliest first.
fn candidates(value: Value, default: Option<&Shape>) -> Vec<Value> {
    let Value::String(text) = value else {
        return vec![value];
    };
    let trimmed = text.trim();
    let as_toml = || {
        let table: Option<Table> = format!("value = {trimmed}").parse().ok();
        table.and_then(|mut table| table.remove("value"))
    };
    let items = || {
        let items = trimmed
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty());
        Value::Array(items.map(|item| Value::String(item.to_owned())).collect())
    };
    let mut candidates: Vec<Value> = match default {
        Some(Shape::String(_)) => vec![],
        Some(Shape::Array(_)) => {
            let list: Option<Table> = format!("value = [{trimmed}]").parse().ok();
            let list = list.and_then(|mut table| table.remove("value"));
            // A list as TOML; else bare items, as numbers if they are such, as text otherwise.
            let as_list = as_toml().filter(Value::is_array);
            return as_list.into_iter().chain(list).chain([items()]).collect();
        }
        Some(Shape::Number(_)) => {
            let number = trimmed.parse::<f64>().ok().map(Value::Float);
            as_toml()
                .filter(|value| !value.is_str())
                .into_iter()
                .chain(number)
                .collect()
        }
        _ => as_toml()
            .filter(|value| !value.is_str())
            .into_iter()
            .collect(),
    };
    candidates.push(Value::String(text));
    candidates
}

/// Whether `path` may be set: it is in the default, or below a table that takes any key.
fn is_known(shape: &Shape, path: &[String]) -> bool {
    let mut shape = shape;
    for key in path {
        match shape.as_object() {
            Some(keys) if keys.is_empty() => return true,
            Some(keys) => match keys.get(key) {
                Some(below) => shape = below,
                None => return false,
            },
            // Below something that is not set by default, only the struct itself can tell.
            None => return shape.is_null(),
        }
    }
    true
}

fn lookup<'a>(shape: &'a Shape, path: &[String]) -> Option<&'a Shape> {
    path.iter().try_fold(shape, |shape, key| shape.get(key))
}

/// The paths of all settings that are not tables.
fn known_paths(shape: &Shape) -> Vec<Vec<String>> {
    fn walk(shape: &Shape, path: &mut Vec<String>, paths: &mut Vec<Vec<String>>) {
        match shape.as_object() {
            Some(keys) if !keys.is_empty() => {
                for (key, below) in keys {
                    path.push(key.clone());
                    walk(below, path, paths);
                    path.pop();
                }
            }
            _ => paths.push(path.clone()),
        }
    }
    let mut paths = Vec::new();
    walk(shape, &mut Vec::new(), &mut paths);
    paths
}

/// The paths of a file's values, as deep as the default has tables.
fn leaves(table: &Table, shape: &Shape) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    for (key, value) in table {
        let below = shape.get(key);
        match (value, below) {
            (Value::Table(table), Some(shape)) if shape.is_object() => {
                let inner = leaves(table, shape).into_iter();
                paths.extend(inner.map(|path| [vec![key.clone()], path].concat()));
            }
            _ => paths.push(vec![key.clone()]),
        }
    }
    paths
}

/// Puts the file's values over the defaults. Tables that take any key are merged too.
fn merge(into: &mut Table, from: Table, shape: &Shape) {
    for (key, value) in from {
        let below = shape.get(&key);
        match (into.get_mut(&key), value, below) {
            (Some(Value::Table(into)), Value::Table(from), Some(shape)) => merge(into, from, shape),
            (_, value, _) => {
                into.insert(key, value);
            }
        }
    }
}

/// Sets the value at `path`, making the tables on the way where they are missing.
fn insert(table: &mut Table, path: &[String], value: Value) -> std::result::Result<(), String> {
    match path {
        [] => Err("the path is empty".to_owned()),
        [key] => {
            table.insert(key.clone(), value);
            Ok(())
        }
        [key, rest @ ..] => {
            let below = table
                .entry(key.clone())
                .or_insert_with(|| Value::Table(Table::new()));
            match below {
                Value::Table(below) => insert(below, rest, value),
                _ => Err(format!("{key:?} is not a table")),
            }
        }
    }
}

/// The known name that `name` is most likely a misspelling of; none if it is like none of them.
fn nearest(name: &str, known: impl Iterator<Item = String>) -> Option<String> {
    let allowed = (name.chars().count() / 3).max(2);
    known
        .map(|candidate| (edit_distance(name, &candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// How many characters must be added, removed or replaced (Levenshtein 1966).
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests;
