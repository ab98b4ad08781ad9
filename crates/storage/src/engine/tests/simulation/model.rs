//! What the engine has to hold: naive lists of what every write gave to every key, and of what was
//! deleted since.
//!
//! Every write carries a row of its own in a table of marks, which nothing is ever deleted from, with a
//! time that no other has. A write is one record, so its mark tells whether it is there, and then all of
//! it must be, and nothing else. A delete has no mark: what it took away tells. While its fate is
//! unknown, the rows must be those of a world with it or of one without it, as a whole.

use std::collections::{BTreeMap, BTreeSet};

use catalog::{ColumnKind, TableId};

use super::condition::Condition;
use crate::engine::Durability;
use crate::io::simulated::Death;

/// The table of marks, and its field.
pub(super) const MARKS: &str = "marks";
pub(super) const MARK_FIELD: &str = "write";

/// Deletes of unknown fate, and writes that they may or may not concern, that are told apart by trying
/// all combinations.
const OPEN_QUESTIONS_MAX: usize = 13;

/// What identifies a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::engine::tests) struct Key {
    pub(in crate::engine::tests) table: TableId,
    pub(in crate::engine::tests) tags: BTreeMap<String, String>,
    pub(in crate::engine::tests) time: i64,
}

/// A value of any type that a field can have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::engine::tests) enum Value {
    /// The bits of a float.
    Float(u64),
    Integer(i64),
    Unsigned(u64),
    Boolean(bool),
    Text(String),
}

pub(in crate::engine::tests) type Fields = BTreeMap<String, Value>;
pub(in crate::engine::tests) type Row = (Key, Fields);
pub(in crate::engine::tests) type Rows = BTreeMap<Key, Fields>;

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Death(Death),
    /// It stopped when it was asked to, and said that all went well.
    Orderly,
}

/// What is known about a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is there, whatever happens.
    Kept,
    /// It is there unless the power fails before its record is synced.
    Acknowledged { sequence: u64 },
    /// It is not there as long as the program runs, and may turn up when the next one starts.
    Refused,
    /// Nobody knows.
    Open,
    /// It is not there and never will be.
    Gone,
}

#[derive(Debug)]
struct Write {
    rows: Vec<Row>,
    fate: Fate,
}

/// What is known about a delete, or about whether it concerns a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
    /// It may be either, and may still become a yes without being asked for again.
    Unknown,
}

#[derive(Debug)]
struct Delete {
    conditions: Vec<(TableId, Condition)>,
    /// It comes before the writes from this one on.
    before: usize,
    has_happened: Answer,
    /// The writes that were there when it began: it concerns them.
    covered: BTreeSet<usize>,
    /// Writes that were under way: it may concern them.
    beside: BTreeMap<usize, Answer>,
}

/// Something that has to be guessed: whether a delete has happened, or whether it concerns a write.
type Question = (usize, Option<usize>);

/// What readers may see of what is kept, as the engine says.
#[derive(Debug, Default)]
pub(super) struct View {
    /// Tables that are not dropped, with the earliest time that is kept.
    pub(super) tables: BTreeMap<TableId, i64>,
    /// Tables of which rows before a time were too old at some time: they may be gone for good.
    pub(super) eroded: BTreeMap<TableId, i64>,
}

impl View {
    fn is_visible(&self, key: &Key) -> bool {
        self.tables
            .get(&key.table)
            .is_some_and(|first| key.time >= *first)
    }

    fn is_eroded(&self, key: &Key) -> bool {
        self.eroded
            .get(&key.table)
            .is_some_and(|first| key.time < *first)
    }
}

#[derive(Debug, Default)]
pub(super) struct Model {
    /// In the order in which they were sent, which is that of their sequence numbers.
    writes: Vec<Write>,
    deletes: Vec<Delete>,
    /// Records up to this one survive a power failure.
    durable_through: u64,
    last_sequence: u64,
    /// Columns that were confirmed, by table and name.
    columns: BTreeMap<(TableId, String), ColumnKind>,
}

impl Model {
    /// The number that the next write will have.
    pub(super) fn next(&self) -> usize {
        self.writes.len()
    }

    /// A write is being sent.
    pub(super) fn send(&mut self, rows: Vec<Row>) -> usize {
        self.writes.push(Write {
            rows,
            fate: Fate::Open,
        });
        self.writes.len() - 1
    }

    pub(super) fn acknowledge(&mut self, write: usize, sequence: u64, durability: Durability) {
        assert!(
            sequence > self.last_sequence,
            "write {write} has number {sequence} after {}",
            self.last_sequence
        );
        self.last_sequence = sequence;
        self.writes[write].fate = Fate::Acknowledged { sequence };
        if durability == Durability::Synced {
            self.synced_through(sequence);
        }
    }

    pub(super) fn refuse(&mut self, write: usize) {
        self.writes[write].fate = Fate::Refused;
    }

    /// Every record up to this one is on stable storage, in the log or in files.
    pub(super) fn synced_through(&mut self, sequence: u64) {
        self.durable_through = self.durable_through.max(sequence);
    }

    /// A delete is being sent, while these writes are there.
    pub(super) fn begin_delete(
        &mut self,
        conditions: Vec<(TableId, Condition)>,
        covered: BTreeSet<usize>,
    ) -> usize {
        // A client has hung up: who knows what becomes of its write while the delete is under way.
        let is_open = |write: &usize| self.writes[*write].fate == Fate::Open;
        let open = (0..self.writes.len()).filter(|write| !covered.contains(write));
        let beside = open.filter(is_open).map(|write| (write, Answer::Unknown));
        self.deletes.push(Delete {
            conditions,
            before: self.writes.len(),
            has_happened: Answer::Unknown,
            beside: beside.collect(),
            covered,
        });
        self.deletes.len() - 1
    }

    /// A delete was confirmed or refused. Writes that were sent meanwhile may be concerned or not; those
    /// sent from now on are not.
    pub(super) fn end_delete(&mut self, delete: usize, is_confirmed: bool) {
        let end = self.writes.len();
        let delete = &mut self.deletes[delete];
        let sent = delete.before..end;
        delete
            .beside
            .extend(sent.map(|write| (write, Answer::Unknown)));
        delete.before = end;
        if is_confirmed {
            delete.has_happened = Answer::Yes;
        }
    }

    pub(super) fn confirm_column(&mut self, table: TableId, column: &str, kind: ColumnKind) {
        self.columns.insert((table, column.to_owned()), kind);
    }

    /// The columns that must exist, by table and name.
    pub(super) fn columns(&self) -> &BTreeMap<(TableId, String), ColumnKind> {
        &self.columns
    }

    /// The program has ended.
    pub(super) fn end(&mut self, ending: Ending) {
        let durable_through = match ending {
            Ending::Death(Death::PowerLoss { .. }) => self.durable_through,
            Ending::Death(Death::Kill) | Ending::Orderly => u64::MAX,
        };
        for write in &mut self.writes {
            write.fate = match write.fate {
                Fate::Acknowledged { sequence } if sequence <= self.durable_through => Fate::Kept,
                Fate::Acknowledged { .. } if ending == Ending::Orderly => Fate::Kept,
                Fate::Acknowledged { sequence } if sequence > durable_through => Fate::Open,
                Fate::Refused => Fate::Open,
                fate => fate,
            };
        }
    }

    /// A program has started with these writes. What it found is durable now, what it did not find
    /// stays away.
    pub(super) fn start(&mut self, found: &BTreeSet<usize>, last_sequence: u64) {
        for (number, write) in self.writes.iter_mut().enumerate() {
            write.fate = match (write.fate, found.contains(&number)) {
                (Fate::Acknowledged { .. } | Fate::Open, true) => Fate::Kept,
                (Fate::Open, false) => Fate::Gone,
                (fate, _) => fate,
            };
        }
        self.last_sequence = last_sequence;
        self.durable_through = last_sequence;
    }

    /// Holds what was read against what must be there, and learns from it.
    pub(super) fn check(&mut self, found: &Rows, view: &View) -> Result<BTreeSet<usize>, String> {
        let marks = marks(found, view)?;
        for (number, write) in self.writes.iter().enumerate() {
            let is_found = marks.contains(&number);
            match write.fate {
                Fate::Kept | Fate::Acknowledged { .. } if !is_found => {
                    return Err(format!("write {number} is lost: {:?}", write.fate));
                }
                Fate::Refused | Fate::Gone if is_found => {
                    return Err(format!(
                        "write {number} should not be there: {:?}",
                        write.fate
                    ));
                }
                _ => {}
            }
        }
        self.answer_questions(found, &marks, view)?;
        Ok(marks)
    }

    /// Tries all that the unknown may be. What is the same in all worlds that fit is known from now on.
    fn answer_questions(
        &mut self,
        found: &Rows,
        marks: &BTreeSet<usize>,
        view: &View,
    ) -> Result<(), String> {
        let questions = self.questions(marks);
        if questions.len() > OPEN_QUESTIONS_MAX {
            // Too many worlds to try. The fates of all writes were looked at; what else is open is
            // settled by a later read, when restarts have answered some of it.
            return Ok(());
        }
        let (mut always, mut ever) = (usize::MAX, 0);
        let mut fits = false;
        for guess in 0..1 << questions.len() {
            let yes = |question: &Question| {
                let place = questions.iter().position(|other| other == question);
                place.is_some_and(|place| guess >> place & 1 == 1)
            };
            if agrees(found, &self.contributions(marks, view, &yes)?, view).is_ok() {
                (always, ever) = (always & guess, ever | guess);
                fits = true;
            }
        }
        if !fits {
            let nothing_open = self.contributions(marks, view, &|_| false)?;
            let problem = agrees(found, &nothing_open, view);
            let problem = problem.err().unwrap_or_default();
            return Err(format!(
                "{problem}; open: {questions:?}; {:?}",
                self.deletes
            ));
        }
        for (place, (delete, write)) in questions.into_iter().enumerate() {
            let delete = &mut self.deletes[delete];
            let is_yes = always >> place & 1 == 1;
            match write {
                None if is_yes => delete.has_happened = Answer::Yes,
                // It may still happen, when the next commit finds it in the store.
                None => {}
                Some(write) if delete.has_happened == Answer::Yes => {
                    let is_no = ever >> place & 1 == 0;
                    if is_yes || is_no {
                        let answer = if is_yes { Answer::Yes } else { Answer::No };
                        delete.beside.insert(write, answer);
                    }
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// What is unknown and makes a difference.
    fn questions(&self, marks: &BTreeSet<usize>) -> Vec<Question> {
        let mut questions = Vec::new();
        for (number, delete) in self.deletes.iter().enumerate() {
            let concerns = |write: &usize| {
                let mut rows = self.writes[*write].rows.iter();
                marks.contains(write) && rows.any(|(key, _)| delete.may_match(key))
            };
            let unknown = delete.beside.iter();
            let unknown = unknown.filter(|(write, answer)| {
                **answer == Answer::Unknown && delete.has_happened != Answer::No && concerns(write)
            });
            let beside: Vec<_> = unknown.map(|(write, _)| (number, Some(*write))).collect();
            let is_of_interest = !beside.is_empty() || delete.covered.iter().any(concerns);
            if delete.has_happened == Answer::Unknown && is_of_interest {
                questions.push((number, None));
            }
            questions.extend(beside);
        }
        questions
    }

    /// A new program has read what it found: a delete that has not happened by now never will.
    pub(super) fn settle_deletes(&mut self, found: &BTreeSet<usize>) {
        let questions = self.questions(found);
        for (number, delete) in self.deletes.iter_mut().enumerate() {
            let is_open = questions.iter().any(|question| question.0 == number);
            if delete.has_happened == Answer::Unknown && !is_open {
                delete.has_happened = Answer::No;
            }
        }
    }

    /// What is left of each key's rows, in the order in which they were written.
    fn contributions(
        &self,
        marks: &BTreeSet<usize>,
        view: &View,
        guess: &dyn Fn(&Question) -> bool,
    ) -> Result<Contributions<'_>, String> {
        let mut left = Contributions::new();
        let mut deletes = self.deletes.iter().enumerate().peekable();
        for number in 0..=self.writes.len() {
            while let Some((place, delete)) = deletes.next_if(|(_, delete)| delete.before <= number)
            {
                delete.apply(place, &mut left, view, guess);
            }
            if !marks.contains(&number) {
                continue;
            }
            for (key, fields) in &self.writes[number].rows {
                left.entry(key).or_default().push((number, fields));
            }
        }
        match marks.last() {
            Some(last) if *last >= self.writes.len() => Err(format!("write {last} was never sent")),
            _ => Ok(left),
        }
    }
}

/// What each write gave to a key.
type Contributions<'a> = BTreeMap<&'a Key, Vec<(usize, &'a Fields)>>;

impl Delete {
    fn may_match(&self, key: &Key) -> bool {
        let conditions = self.conditions.iter();
        let mut conditions = conditions.filter(|(table, _)| *table == key.table);
        conditions.any(|(_, condition)| condition.may_match(key))
    }

    fn apply(
        &self,
        place: usize,
        left: &mut Contributions<'_>,
        view: &View,
        guess: &dyn Fn(&Question) -> bool,
    ) {
        let is = |answer, question| match answer {
            Answer::Yes => true,
            Answer::No => false,
            Answer::Unknown => guess(&question),
        };
        if !is(self.has_happened, (place, None)) {
            return;
        }
        let concerns = |write: usize| {
            let beside = self.beside.get(&write);
            self.covered.contains(&write)
                || beside.is_some_and(|answer| is(*answer, (place, Some(write))))
        };
        for (key, given) in left {
            let conditions = self.conditions.iter();
            for (_, condition) in conditions.filter(|(table, _)| *table == key.table) {
                // Of a row that has eroded the delete saw who knows which fields.
                if view.is_eroded(key) && condition.mentions_fields() {
                    continue;
                }
                let concerned = given.iter().filter(|(write, _)| concerns(*write));
                let row = merged(concerned.map(|(_, fields)| *fields));
                if condition.matches(key, &row) {
                    given.retain(|(write, _)| !concerns(*write));
                }
            }
        }
    }
}

fn merged<'a>(given: impl Iterator<Item = &'a Fields>) -> Fields {
    let mut row = Fields::new();
    given.for_each(|fields| row.extend(fields.clone()));
    row
}

/// Whether these rows are what is left, as far as readers may see it.
fn agrees(found: &Rows, left: &Contributions<'_>, view: &View) -> Result<(), String> {
    let mut expected = Rows::new();
    for (key, given) in left {
        if !given.is_empty() && view.is_visible(key) && !view.is_eroded(key) {
            let row = merged(given.iter().map(|(_, fields)| *fields));
            expected.insert((*key).clone(), row);
        }
    }
    let mut certain = found.clone();
    for (key, fields) in found.iter().filter(|(key, _)| view.is_eroded(key)) {
        let given = left.get(key).map_or(&[][..], |given| given.as_slice());
        let is_given = |(name, value): (&String, &Value)| {
            let mut given = given.iter();
            given.any(|(_, fields)| fields.get(name) == Some(value))
        };
        if !view.is_visible(key) || given.is_empty() || !fields.iter().all(is_given) {
            return Err(format!(
                "{key:?} should not be there: {fields:?}, {given:?}"
            ));
        }
        certain.remove(key);
    }
    match certain == expected {
        true => Ok(()),
        false => Err(difference(&certain, &expected)),
    }
}

/// The numbers of the writes whose marks are there.
fn marks(found: &Rows, view: &View) -> Result<BTreeSet<usize>, String> {
    let first = view.tables.keys().next(); // marks are made first
    let marks = found.iter().filter(|(key, _)| Some(&key.table) == first);
    let number = |(key, fields): (&Key, &Fields)| match fields.get(MARK_FIELD) {
        Some(Value::Integer(number)) => {
            usize::try_from(*number).map_err(|_| format!("mark {number} was never made"))
        }
        other => Err(format!("mark {key:?} is damaged: {other:?}")),
    };
    marks.map(number).collect()
}

fn difference(found: &Rows, expected: &Rows) -> String {
    let missing = expected.iter().find(|(key, _)| !found.contains_key(key));
    let invented = found.iter().find(|(key, _)| !expected.contains_key(key));
    let wrong = found
        .iter()
        .find(|(key, fields)| expected.get(key).is_some_and(|other| other != *fields));
    let expected = wrong.and_then(|(key, _)| expected.get(key));
    format!("missing: {missing:?}; invented: {invented:?}; wrong: {wrong:?}, not {expected:?}")
}
