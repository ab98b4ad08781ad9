//! Where the bodies of a load come from. What is in memory is sent as it is; what would not fit
//! there is made while it is sent, by work that is small beside what the server does with it.
//!
//! | source        | for                | work a row                     |
//! |---------------|--------------------|--------------------------------|
//! | [`Bodies`]    | loads of a file    | none                           |
//! | [`Laps`]      | loads of minutes   | copy, 19 digits of a time      |
//! | [`Rendered`]  | years, many series | one short line                 |

use crate::bodies::{Bodies, Encoding};

/// Bodies by number. Connections take the next number each, so a source must answer for any number
/// at any time.
pub(crate) trait Source: Sync {
    /// Body `number`, which may be put into `scratch`; `None` past the last.
    fn body<'a>(&'a self, number: u64, scratch: &'a mut Vec<u8>) -> Option<View<'a>>;

    fn encoding(&self) -> Encoding {
        Encoding::Plain
    }

    /// Rows of a full body.
    fn rows_per_body(&self) -> u64;
}

/// One body as it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct View<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) rows: u64,
}

impl Source for Bodies {
    fn body<'a>(&'a self, number: u64, _: &'a mut Vec<u8>) -> Option<View<'a>> {
        let body = self.bodies.get(usize::try_from(number).ok()?)?;
        Some(View {
            bytes: &body.bytes,
            rows: body.rows,
        })
    }

    fn encoding(&self) -> Encoding {
        self.encoding
    }

    fn rows_per_body(&self) -> u64 {
        self.bodies.first().map_or(1, |body| body.rows)
    }
}

/// Plain bodies sent over and over, each lap later than the one before by the time that a lap
/// covers: the rows of a stream without end.
#[derive(Debug)]
pub(crate) struct Laps {
    bodies: Vec<LapBody>,
    lap_ns: i64,
    laps: u64,
}

#[derive(Debug)]
struct LapBody {
    bytes: Vec<u8>,
    /// Start and value of the time of each line.
    times: Vec<(u32, i64)>,
}

/// Digits of a time in nanoseconds between 2001 and 2286.
const TIME_DIGITS: usize = 19;

impl Laps {
    /// Of plain bodies that cover `lap_ns`, sent `laps` times.
    pub(crate) fn new(bodies: Bodies, lap_ns: i64, laps: u64) -> Self {
        assert_eq!(bodies.encoding, Encoding::Plain, "gzip cannot be patched");
        let bodies = bodies
            .bodies
            .into_iter()
            .map(|body| LapBody::new(body.bytes))
            .collect();
        Self {
            bodies,
            lap_ns,
            laps,
        }
    }
}

impl Laps {
    pub(crate) fn bodies_per_lap(&self) -> u64 {
        self.bodies.len() as u64
    }
}

impl LapBody {
    fn new(bytes: Vec<u8>) -> Self {
        let mut times = Vec::new();
        for (end, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
            let start = end - TIME_DIGITS;
            let digits = std::str::from_utf8(&bytes[start..end]).ok();
            let time = digits.and_then(|digits| digits.parse().ok());
            times.push((
                u32::try_from(start).expect("a body is far smaller"),
                time.expect("rendered lines end with a time of 19 digits"),
            ));
        }
        Self { bytes, times }
    }
}

impl Source for Laps {
    fn body<'a>(&'a self, number: u64, scratch: &'a mut Vec<u8>) -> Option<View<'a>> {
        let count = self.bodies.len() as u64;
        let (lap, body) = (number / count, &self.bodies[(number % count) as usize]);
        if lap >= self.laps {
            return None;
        }
        scratch.clear();
        scratch.extend_from_slice(&body.bytes);
        let mut digits = itoa::Buffer::new();
        for &(start, time_ns) in &body.times {
            let text = digits.format(time_ns + lap as i64 * self.lap_ns);
            scratch[start as usize..start as usize + TIME_DIGITS].copy_from_slice(text.as_bytes());
        }
        Some(View {
            bytes: scratch,
            rows: body.times.len() as u64,
        })
    }

    fn rows_per_body(&self) -> u64 {
        self.bodies
            .first()
            .map_or(1, |body| body.times.len() as u64)
    }
}

/// Rows that follow from their number alone.
#[derive(Debug)]
pub(crate) struct Rendered<F> {
    pub(crate) rows: u64,
    pub(crate) rows_per_body: u64,
    /// Appends the line of a row.
    pub(crate) write_line: F,
}

impl<F: Fn(&mut Vec<u8>, u64) + Sync> Source for Rendered<F> {
    fn body<'a>(&'a self, number: u64, scratch: &'a mut Vec<u8>) -> Option<View<'a>> {
        let first = number * self.rows_per_body;
        if first >= self.rows {
            return None;
        }
        let end = self.rows.min(first + self.rows_per_body);
        scratch.clear();
        for row in first..end {
            (self.write_line)(scratch, row);
        }
        Some(View {
            bytes: scratch,
            rows: end - first,
        })
    }

    fn rows_per_body(&self) -> u64 {
        self.rows_per_body
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Shape, Spec};

    fn all(source: &dyn Source) -> (String, u64) {
        let (mut text, mut rows, mut scratch) = (String::new(), 0, Vec::new());
        for number in 0.. {
            let Some(body) = source.body(number, &mut scratch) else {
                break;
            };
            text.push_str(std::str::from_utf8(body.bytes).unwrap());
            rows += body.rows;
        }
        (text, rows)
    }

    #[test]
    fn each_lap_is_later_by_its_length() {
        let lap_ns = 120_000_000_000;
        let spec = Spec::new(Shape::Cpu, 3, lap_ns);
        let render = || Bodies::render(&mut *spec.lines(), 10, Encoding::Plain, 1);
        let (once, _) = all(&render());
        let (laps, rows) = all(&Laps::new(render(), lap_ns, 3));
        assert_eq!(rows, 3 * 36);
        for lap in 0..3_i64 {
            let expected: Vec<String> = once
                .lines()
                .map(|line| {
                    let (rest, time) = line.rsplit_once(' ').unwrap();
                    format!("{rest} {}", time.parse::<i64>().unwrap() + lap * lap_ns)
                })
                .collect();
            let got: Vec<&str> = laps.lines().skip(lap as usize * 36).take(36).collect();
            assert_eq!(got, expected, "lap {lap}");
        }
    }

    #[test]
    fn rendered_rows_come_once_and_end() {
        let source = Rendered {
            rows: 7,
            rows_per_body: 3,
            write_line: |out: &mut Vec<u8>, row: u64| out.extend(format!("{row}\n").bytes()),
        };
        assert_eq!(all(&source), ("0\n1\n2\n3\n4\n5\n6\n".to_owned(), 7));
    }
}
