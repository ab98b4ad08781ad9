//! The score of the Numenta Anomaly Benchmark (Lavin and Ahmad 2015, §II, and its published scorer): the earliest alert in a window is worth the more
//! the earlier it is, alerts outside cost the more the farther they are behind one, a window without costs too. 0 is
//! what a detector without alerts gets, 100 a perfect one.

/// What things cost; the earliest alert in a window is worth up to 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Profile {
    pub(crate) name: &'static str,
    pub(crate) false_alert: f64,
    pub(crate) missed: f64,
}

/// One file to score.
pub(crate) struct Scored<'a> {
    pub(crate) alerts: &'a [f64],
    /// First and last row of every window, rising.
    pub(crate) windows: &'a [(usize, usize)],
    /// Rows that do not count.
    pub(crate) probation: usize,
}

/// What the best threshold comes to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    pub(crate) score: f64,
    pub(crate) threshold: f64,
    pub(crate) found: usize,
    pub(crate) windows: usize,
    pub(crate) false_alerts: usize,
}

/// A row, what it is worth as an alert, and its window among those of all files.
struct Candidate {
    alert: f64,
    worth: f64,
    window: Option<usize>,
}

/// The score with the threshold that is best for it.
pub(crate) fn best(files: &[Scored<'_>], profile: Profile) -> Found {
    let mut candidates = Vec::new();
    let mut windows = 0;
    for file in files {
        for row in file.probation..file.alerts.len() {
            let (worth, window) = worth(file.windows, row, profile);
            candidates.push(Candidate {
                alert: file.alerts[row],
                worth,
                window: window.map(|window| windows + window),
            });
        }
        windows += file.windows.len();
    }
    candidates.sort_by(|a, b| b.alert.total_cmp(&a.alert));
    let nothing = -profile.missed * windows as f64;
    let perfect = windows as f64;
    let scaled = |score: f64| 100.0 * (score - nothing) / (perfect - nothing);
    let mut best = Found {
        score: 0.0,
        threshold: f64::INFINITY,
        found: 0,
        windows,
        false_alerts: 0,
    };
    let mut by_window = vec![-profile.missed; windows];
    let mut now = Found { ..best };
    let mut score = nothing;
    // From the highest threshold down; rows with the same alert come together.
    for tied in candidates.chunk_by(|a, b| a.alert == b.alert) {
        for candidate in tied {
            match candidate.window {
                None => {
                    score += candidate.worth;
                    now.false_alerts += 1;
                }
                Some(window) if candidate.worth > by_window[window] => {
                    now.found += usize::from(by_window[window] == -profile.missed);
                    score += candidate.worth - by_window[window];
                    by_window[window] = candidate.worth;
                }
                Some(_) => {}
            }
        }
        now.threshold = tied[0].alert;
        now.score = scaled(score);
        if now.score > best.score {
            best = now;
        }
    }
    best
}

/// What an alert at this row is worth, and the window that it is in.
fn worth(windows: &[(usize, usize)], row: usize, profile: Profile) -> (f64, Option<usize>) {
    if let Some(window) = windows
        .iter()
        .position(|(first, last)| (*first..=*last).contains(&row))
    {
        let (first, last) = windows[window];
        let place = -((last - row + 1) as f64) / (last - first + 1) as f64;
        return (sigmoid(place) / sigmoid(-1.0), Some(window));
    }
    let behind = windows.iter().rev().find(|(_, last)| *last < row);
    let worth = behind.map_or(-1.0, |(first, last)| {
        match (row - last) as f64 / (last - first) as f64 {
            far if far > 3.0 => -1.0,
            near => sigmoid(near),
        }
    });
    (worth * profile.false_alert, None)
}

/// From 1 well before to −1 well behind the end of a window.
fn sigmoid(place: f64) -> f64 {
    2.0 / (1.0 + (5.0 * place).exp()) - 1.0
}
