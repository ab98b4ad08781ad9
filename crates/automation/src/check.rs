//! Checks: from the level of each evaluation of a series to what is told of it.
//!
//! ```text
//!            worse                      worse for so long
//!   level ──────────▶ pending ───────────────────────────▶ level, worse
//!     ▲                  │ not worse any more
//!     └──────────────────┘
//!            better                     better for so long
//!   level ──────────▶ clearing ──────────────────────────▶ level, better
//! ```
//!
//! A series that says nothing for too long is given a level of its own accord. What is late is left aside: an
//! evaluation counts only if it is of a later time than the one before. A series is plain data, kept by whoever
//! calls, so that a restart goes on where it was.

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Level {
    /// Nothing is wrong.
    #[default]
    Ok,
    /// Somebody may want to know.
    Info,
    /// Somebody should look.
    Warn,
    /// Somebody must act.
    Crit,
    /// Nobody knows, because the check itself fails. No series has it.
    Unknown,
}

impl Level {
    /// All levels, the best first.
    pub const ALL: [Self; 5] = [Self::Ok, Self::Info, Self::Warn, Self::Crit, Self::Unknown];

    /// Those that a series can have.
    pub const OF_SERIES: [Self; 4] = [Self::Ok, Self::Info, Self::Warn, Self::Crit];

    /// The one of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        let mut levels = Self::ALL.into_iter();
        levels.find(|level| level.name().eq_ignore_ascii_case(name))
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Crit => "crit",
            Self::Unknown => "unknown",
        }
    }
}

/// How a check judges. Lengths of time are nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Judgement {
    /// A worse level counts when it has lasted so long.
    pub worse_for: i64,
    /// A better level counts when it has lasted so long.
    pub better_for: i64,
    /// A series that says nothing for so long gets this level.
    pub silence: Option<(i64, Level)>,
}

/// What an evaluation says of one level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Condition {
    /// The level.
    pub level: Level,
    /// Whether it is as bad as that.
    pub is_met: bool,
    /// Whether it has become so much better that the level may be left, where that is another condition.
    pub is_left: Option<bool>,
}

/// The level that an evaluation comes to: the worst whose condition is met; but a series that is as bad as a
/// level stays so until that level's other condition lets it go.
pub fn judged(conditions: &[Condition], series: &Series) -> Level {
    let now = series.worst();
    let stays = |condition: &Condition| condition.level <= now && condition.is_left == Some(false);
    let counts = conditions
        .iter()
        .filter(|condition| condition.is_met || stays(condition));
    let levels = counts.map(|condition| condition.level);
    levels.max().unwrap_or_default()
}

/// What is known of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Series {
    /// The level that counts.
    pub level: Level,
    /// Since when.
    pub since: i64,
    /// Another level that does not count yet.
    pub pending: Option<Pending>,
    /// The time of the last evaluation.
    pub seen: i64,
    /// Whether it was given its level because it said nothing.
    pub is_silent: bool,
}

/// A level that has to last before it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// The level: of those seen since it began, the one nearest to that which counts.
    pub level: Level,
    /// Since when it lasts.
    pub since: i64,
}

/// A change of the level that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// When.
    pub at: i64,
    /// The level before.
    pub from: Level,
    /// The level from then on.
    pub to: Level,
    /// Whether it is because the series said nothing.
    pub is_silence: bool,
}

/// Whether somebody is to be told of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alert {
    /// Nothing is wrong.
    None,
    /// It may become worse.
    Pending,
    /// Something is wrong.
    Firing,
}

impl Series {
    /// A series that is seen for the first time. Until an evaluation says otherwise nothing is wrong with it.
    pub fn new(now: i64) -> Self {
        Self {
            level: Level::Ok,
            since: now,
            pending: None,
            seen: i64::MIN,
            is_silent: false,
        }
    }

    /// The worst level that it has, be it one that does not count yet.
    fn worst(&self) -> Level {
        let pending = self.pending.map(|pending| pending.level);
        pending.map_or(self.level, |pending| pending.max(self.level))
    }

    /// Whether somebody is to be told.
    pub fn alert(&self) -> Alert {
        let may_become_worse = self
            .pending
            .is_some_and(|pending| pending.level > self.level);
        match self.level {
            Level::Warn | Level::Crit | Level::Unknown => Alert::Firing,
            Level::Ok | Level::Info if may_become_worse => Alert::Pending,
            Level::Ok | Level::Info => Alert::None,
        }
    }

    /// The series was evaluated at this time. One that is not later than the last is left aside.
    pub fn observe(&mut self, how: &Judgement, level: Level, at: i64) -> Option<Transition> {
        if at <= self.seen {
            return None;
        }
        self.seen = at;
        if self.is_silent {
            // Whatever it says, it speaks again.
            self.pending = None;
            return self.become_level(level, at, false);
        }
        if level == self.level {
            self.pending = None;
            return None;
        }
        let pending = self.pending.filter(|pending| {
            let is_worse = pending.level > self.level;
            is_worse == (level > self.level)
        });
        let pending = match pending {
            // What has lasted is no more than the least of what was seen.
            Some(pending) if level > self.level => Pending {
                level: pending.level.min(level),
                ..pending
            },
            Some(pending) => Pending {
                level: pending.level.max(level),
                ..pending
            },
            None => Pending { level, since: at },
        };
        self.pending = Some(pending);
        self.settle(how, at)
    }

    /// Time has passed without an evaluation of the series.
    pub fn pass(&mut self, how: &Judgement, now: i64) -> Option<Transition> {
        let (length, level) = how.silence?;
        if self.is_silent || now.saturating_sub(self.seen.max(self.since)) < length {
            return None;
        }
        self.pending = None;
        self.is_silent = true;
        self.become_level(level, now, true)
    }

    /// Lets a level count that has lasted long enough.
    fn settle(&mut self, how: &Judgement, at: i64) -> Option<Transition> {
        let pending = self.pending?;
        let needed = match pending.level > self.level {
            true => how.worse_for,
            false => how.better_for,
        };
        if at.saturating_sub(pending.since) < needed {
            return None;
        }
        self.pending = None;
        self.become_level(pending.level, at, false)
    }

    fn become_level(&mut self, to: Level, at: i64, is_silence: bool) -> Option<Transition> {
        self.is_silent = is_silence;
        if to == self.level {
            return None;
        }
        let from = std::mem::replace(&mut self.level, to);
        self.since = at;
        Some(Transition {
            at,
            from,
            to,
            is_silence,
        })
    }
}

#[cfg(test)]
mod tests;
