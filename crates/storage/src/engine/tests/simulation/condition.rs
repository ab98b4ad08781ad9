//! Conditions of deletes, evaluated in the plainest way: a row at a time, true, false or neither.

use catalog::{ColumnRef, Comparison, FieldType, Predicate, Table};
use rand::RngExt;
use rand_xoshiro::SplitMix64;

use super::model::{Fields, Key, Value};

/// A condition on one row of a table.
#[derive(Debug, Clone)]
pub(super) enum Condition {
    All,
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
    Time(Comparison, i64),
    Tag(String, Comparison, String),
    TagIsNull(String),
    Field(String, Comparison, Value),
    FieldIsNull(String),
}

const COMPARISONS: [Comparison; 6] = [
    Comparison::Equal,
    Comparison::NotEqual,
    Comparison::Less,
    Comparison::LessOrEqual,
    Comparison::Greater,
    Comparison::GreaterOrEqual,
];

impl Condition {
    /// A condition on tags and time, or on fields too.
    pub(super) fn draw(
        random: &mut SplitMix64,
        table: &Table,
        times: &[i64],
        fields: bool,
    ) -> Self {
        let time = |random: &mut SplitMix64| {
            let comparison = COMPARISONS[random.random_range(0..COMPARISONS.len())];
            Self::Time(comparison, times[random.random_range(0..times.len())])
        };
        let one = match fields {
            true => Self::draw_field(random, table),
            false => Self::draw_tag(random, table),
        };
        let one = one.unwrap_or_else(|| time(random));
        match random.random_range(0..8) {
            0 if !fields => Self::All,
            0..4 => one,
            4..6 => Self::And(vec![one, time(random)]),
            6 => Self::Or(vec![one, time(random)]),
            _ => Self::Not(Box::new(one)),
        }
    }

    fn draw_tag(random: &mut SplitMix64, table: &Table) -> Option<Self> {
        let tags: Vec<_> = table.tags().collect();
        if tags.is_empty() || random.random_ratio(1, 4) {
            return None;
        }
        let name = tags[random.random_range(0..tags.len())].name.to_string();
        let value = ["x", "y", "z"][random.random_range(0..3)].to_owned();
        let comparison = COMPARISONS[random.random_range(0..2)];
        Some(match random.random_ratio(1, 4) {
            true => Self::TagIsNull(name),
            false => Self::Tag(name, comparison, value),
        })
    }

    fn draw_field(random: &mut SplitMix64, table: &Table) -> Option<Self> {
        let fields: Vec<_> = table.fields().collect();
        if fields.is_empty() {
            return None;
        }
        let column = fields[random.random_range(0..fields.len())];
        let name = column.name.to_string();
        let catalog::ColumnKind::Field(kind) = column.kind else {
            unreachable!("a field is no tag");
        };
        if random.random_ratio(1, 4) {
            return Some(Self::FieldIsNull(name));
        }
        let comparison = COMPARISONS[random.random_range(0..COMPARISONS.len())];
        let middle = match kind {
            FieldType::Float => Value::Float(0.0f64.to_bits()),
            FieldType::Integer => Value::Integer(0),
            FieldType::UInteger => Value::Unsigned(u64::MAX / 2),
            FieldType::Boolean => Value::Boolean(true),
            FieldType::String => Value::Text("8".to_owned()),
        };
        Some(Self::Field(name, comparison, middle))
    }

    /// The condition as the engine takes it.
    pub(super) fn predicate(&self, table: &Table) -> Predicate {
        let column = |name: &str| ColumnRef::Column(table.column(name).expect("it was drawn").id);
        let all = |items: &[Self]| items.iter().map(|item| item.predicate(table)).collect();
        let compare = |column, comparison: &Comparison, value| Predicate::Compare {
            column,
            comparison: *comparison,
            value,
        };
        match self {
            Self::All => Predicate::All,
            Self::And(items) => Predicate::And(all(items)),
            Self::Or(items) => Predicate::Or(all(items)),
            Self::Not(item) => Predicate::Not(Box::new(item.predicate(table))),
            Self::Time(comparison, nanos) => {
                compare(ColumnRef::Time, comparison, catalog::Value::Time(*nanos))
            }
            Self::Tag(name, comparison, text) => {
                let value = catalog::Value::Text(text.clone());
                compare(column(name), comparison, value)
            }
            Self::Field(name, comparison, value) => {
                let value = match value {
                    Value::Float(bits) => catalog::Value::Float(f64::from_bits(*bits)),
                    Value::Integer(number) => catalog::Value::Integer(*number),
                    Value::Unsigned(number) => catalog::Value::UInteger(*number),
                    Value::Boolean(truth) => catalog::Value::Boolean(*truth),
                    Value::Text(text) => catalog::Value::Text(text.clone()),
                };
                compare(column(name), comparison, value)
            }
            Self::TagIsNull(name) | Self::FieldIsNull(name) => Predicate::IsNull(column(name)),
        }
    }

    /// Whether it means a row.
    pub(super) fn matches(&self, key: &Key, fields: &Fields) -> bool {
        self.truth(key, Some(fields)) == Some(true)
    }

    /// Whether it can mean a row of this key, whatever its fields are.
    pub(super) fn may_match(&self, key: &Key) -> bool {
        self.mentions_fields() || self.truth(key, None) == Some(true)
    }

    pub(super) fn mentions_fields(&self) -> bool {
        match self {
            Self::Field(..) | Self::FieldIsNull(_) => true,
            Self::And(items) | Self::Or(items) => items.iter().any(Self::mentions_fields),
            Self::Not(item) => item.mentions_fields(),
            _ => false,
        }
    }

    fn truth(&self, key: &Key, fields: Option<&Fields>) -> Option<bool> {
        let field = |name: &str| fields.and_then(|fields| fields.get(name));
        match self {
            Self::All => Some(true),
            Self::And(items) => {
                let truths: Vec<_> = items.iter().map(|item| item.truth(key, fields)).collect();
                match truths.contains(&Some(false)) {
                    true => Some(false),
                    false => truths.into_iter().collect::<Option<Vec<_>>>().map(|_| true),
                }
            }
            Self::Or(items) => {
                let truths: Vec<_> = items.iter().map(|item| item.truth(key, fields)).collect();
                match truths.contains(&Some(true)) {
                    true => Some(true),
                    false => truths
                        .into_iter()
                        .collect::<Option<Vec<_>>>()
                        .map(|_| false),
                }
            }
            Self::Not(item) => item.truth(key, fields).map(|truth| !truth),
            Self::Time(comparison, nanos) => Some(holds(*comparison, &key.time, nanos)),
            Self::Tag(name, comparison, text) => {
                let value = key.tags.get(name)?;
                Some(holds(*comparison, value, text))
            }
            Self::Field(name, comparison, value) => Some(match (field(name)?, value) {
                (Value::Float(left), Value::Float(right)) => {
                    holds(*comparison, &f64::from_bits(*left), &f64::from_bits(*right))
                }
                (left, right) => holds(*comparison, left, right),
            }),
            Self::TagIsNull(name) => Some(!key.tags.contains_key(name)),
            Self::FieldIsNull(name) => Some(field(name).is_none()),
        }
    }
}

fn holds<T: PartialOrd>(comparison: Comparison, left: &T, right: &T) -> bool {
    match comparison {
        Comparison::Equal => left == right,
        Comparison::NotEqual => left != right,
        Comparison::Less => left < right,
        Comparison::LessOrEqual => left <= right,
        Comparison::Greater => left > right,
        Comparison::GreaterOrEqual => left >= right,
    }
}
