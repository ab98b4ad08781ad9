//! The `iot` data of the Time Series Benchmark Suite (timescale/tsbs, `pkg/data/usecases/iot`),
//! written from its description: every truck has a row of `readings` and one of `diagnostics` per
//! interval; all readings of an instant come before its diagnostics.
//!
//! Gaps are drawn over the stream in batches of ten entries, as in the suite:
//!
//! | what                       | probability    |
//! |----------------------------|----------------|
//! | the whole batch is missing | 0.01 a batch   |
//! | an entry is missing        | 0.10 an entry  |
//! | an entry lacks one field   | 0.10 an entry  |
//! | an entry lacks one tag     | 0.01 an entry  |
//!
//! An entry without its `name` may have the key of another truck's entry of the same instant.

use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::{
    Line, Lines, Spec, pick, series_generator, stream_generator, write_decimals, write_integer,
    write_time,
};

const BATCH: u32 = 10;
const BATCH_MISSING: f64 = 0.01;
const ENTRY_MISSING: f64 = 0.10;
const FIELD_MISSING: f64 = 0.10;
const TAG_MISSING: f64 = 0.01;

/// Purpose of the stream's generator of gaps.
const GAPS: u32 = 1;

pub(crate) const TAGS: [&str; 5] = ["name", "fleet", "driver", "model", "device_version"];
pub(crate) const FLEET: [&str; 4] = ["East", "West", "North", "South"];
const DRIVER: [&str; 6] = ["Derek", "Rodney", "Albert", "Andy", "Seth", "Trish"];
const DEVICE_VERSION: [&str; 4] = ["v1.0", "v1.5", "v2.0", "v2.3"];

/// Model, load capacity, fuel capacity, nominal fuel consumption. The numbers are tags in the
/// suite, which its writer of line protocol sends as fields.
const MODELS: [(&str, [f64; 3]); 3] = [
    ("F-150", [2000.0, 200.0, 15.0]),
    ("G-2000", [5000.0, 300.0, 19.0]),
    ("H-2", [1500.0, 150.0, 12.0]),
];
const CAPACITIES: [&str; 3] = ["load_capacity", "fuel_capacity", "nominal_fuel_consumption"];

/// Name, half width of a step, upper end, decimals of a field that walks between 0 and its end.
const READINGS: [(&str, f64, f64, i32); 7] = [
    ("latitude", 0.005, 90.0, 5),
    ("longitude", 0.005, 180.0, 5),
    ("elevation", 10.0, 5000.0, 0),
    ("velocity", 10.0, 100.0, 0),
    ("heading", 5.0, 360.0, 0),
    ("grade", 5.0, 100.0, 0),
    ("fuel_consumption", 5.0, 50.0, 1),
];
const DIAGNOSTICS: [&str; 3] = ["fuel_state", "current_load", "status"];

/// The lines in the order of the suite.
#[derive(Debug)]
pub(super) struct IotLines {
    trucks: Vec<Truck>,
    next_truck: usize,
    is_diagnostics: bool,
    time_ns: i64,
    interval_ns: i64,
    instants_left: u64,
    gaps: Xoshiro256PlusPlus,
    left_in_batch: u32,
    batch_is_missing: bool,
}

impl IotLines {
    pub(super) fn new(spec: &Spec) -> Self {
        let trucks = (0..spec.scale)
            .map(|index| Truck::new(spec.seed, index))
            .collect();
        Self {
            trucks,
            next_truck: 0,
            is_diagnostics: false,
            time_ns: spec.start_ns,
            interval_ns: spec.interval_ns,
            instants_left: spec.instants(),
            gaps: stream_generator(spec.seed, GAPS),
            left_in_batch: 0,
            batch_is_missing: false,
        }
    }

    /// Whether this entry is there at all, drawn once an entry.
    fn entry_is_missing(&mut self) -> bool {
        if self.left_in_batch == 0 {
            self.left_in_batch = BATCH;
            self.batch_is_missing = self.gaps.random_bool(BATCH_MISSING);
        }
        self.left_in_batch -= 1;
        self.gaps.random_bool(ENTRY_MISSING) || self.batch_is_missing
    }

    /// Moves to the next entry; the trucks drive on once both tables have had their row.
    fn advance(&mut self) {
        self.next_truck += 1;
        if self.next_truck < self.trucks.len() {
            return;
        }
        self.next_truck = 0;
        if self.is_diagnostics {
            self.trucks.iter_mut().for_each(Truck::step);
            self.time_ns += self.interval_ns;
            self.instants_left -= 1;
        }
        self.is_diagnostics = !self.is_diagnostics;
    }

    fn write_entry(&mut self, out: &mut Vec<u8>) -> Line {
        let truck = &self.trucks[self.next_truck];
        let field_count = CAPACITIES.len()
            + if self.is_diagnostics {
                DIAGNOSTICS.len()
            } else {
                READINGS.len()
            };
        let no_field = drawn(&mut self.gaps, FIELD_MISSING, field_count);
        let no_tag = drawn(&mut self.gaps, TAG_MISSING, TAGS.len());
        let (table, counted_field) = if self.is_diagnostics {
            ("diagnostics", "fuel_state")
        } else {
            ("readings", "latitude")
        };
        out.extend_from_slice(table.as_bytes());
        truck.write_tags(out, no_tag);
        if self.is_diagnostics {
            truck.write_diagnostics(out, no_field);
        } else {
            truck.write_readings(out, no_field);
        }
        write_time(out, self.time_ns);
        Line {
            table,
            time_ns: self.time_ns,
            counted_field,
            has_counted_field: no_field != Some(0),
            field_count: (field_count - usize::from(no_field.is_some())) as u32,
            may_repeat: no_tag == Some(0),
            is_delayed: false,
        }
    }
}

impl Lines for IotLines {
    fn next_line(&mut self, out: &mut Vec<u8>) -> Option<Line> {
        while self.instants_left > 0 && !self.trucks.is_empty() {
            let line = (!self.entry_is_missing()).then(|| self.write_entry(out));
            self.advance();
            if line.is_some() {
                return line;
            }
        }
        None
    }
}

/// One of `count` positions with probability `share`.
fn drawn(random: &mut Xoshiro256PlusPlus, share: f64, count: usize) -> Option<usize> {
    random
        .random_bool(share)
        .then(|| random.random_range(0..count))
}

#[derive(Debug)]
struct Truck {
    tags: [String; TAGS.len()],
    capacities: [f64; CAPACITIES.len()],
    random: Xoshiro256PlusPlus,
    readings: [f64; READINGS.len()],
    fuel_state: f64,
    current_load: f64,
    status: f64,
}

impl Truck {
    fn new(seed: u64, index: u32) -> Self {
        let mut random = series_generator(seed, index);
        let (model, capacities) = MODELS[random.random_range(0..MODELS.len())];
        let tags = [
            format!("truck_{index}"),
            pick(&mut random, &FLEET).to_owned(),
            pick(&mut random, &DRIVER).to_owned(),
            model.to_owned(),
            pick(&mut random, &DEVICE_VERSION).to_owned(),
        ];
        let readings = [
            random.random::<f64>() * 90.0,
            random.random::<f64>() * 180.0,
            random.random::<f64>() * 500.0,
            0.0,
            0.0,
            0.0,
            25.0,
        ];
        Self {
            tags,
            capacities,
            random,
            readings,
            fuel_state: 1.0,
            current_load: 0.0,
            status: 0.0,
        }
    }

    fn step(&mut self) {
        for (value, (_, half_width, end, _)) in self.readings.iter_mut().zip(READINGS) {
            let step = self.random.random_range(-half_width..half_width);
            *value = (*value + step).clamp(0.0, end);
        }
        self.fuel_state -= self.random.random::<f64>() * 0.001;
        if self.fuel_state <= 0.0 {
            self.fuel_state = 1.0;
        }
        if self.random.random_bool(0.05) {
            self.current_load = self.random.random::<f64>() * 5000.0;
        }
        let step: f64 = StandardNormal.sample(&mut self.random);
        self.status = (self.status + step).clamp(0.0, 5.0);
    }

    fn write_tags(&self, out: &mut Vec<u8>, without: Option<usize>) {
        for (position, (name, value)) in TAGS.iter().zip(&self.tags).enumerate() {
            if without != Some(position) {
                for part in [",", name, "=", value] {
                    out.extend_from_slice(part.as_bytes());
                }
            }
        }
    }

    fn write_readings(&self, out: &mut Vec<u8>, without: Option<usize>) {
        let mut fields = Fields { separator: b' ' };
        for (position, (value, (name, _, _, decimals))) in
            self.readings.iter().zip(READINGS).enumerate()
        {
            if without != Some(position) {
                fields.name(out, name);
                write_decimals(out, *value, decimals);
            }
        }
        self.write_capacities(out, &mut fields, READINGS.len(), without);
    }

    fn write_diagnostics(&self, out: &mut Vec<u8>, without: Option<usize>) {
        let mut fields = Fields { separator: b' ' };
        for (position, name) in DIAGNOSTICS.into_iter().enumerate() {
            if without == Some(position) {
                continue;
            }
            fields.name(out, name);
            match position {
                0 => write_decimals(out, self.fuel_state, 1),
                1 => write_decimals(out, self.current_load, 0),
                _ => {
                    write_integer(out, self.status as i64);
                    out.push(b'i');
                }
            }
        }
        self.write_capacities(out, &mut fields, DIAGNOSTICS.len(), without);
    }

    fn write_capacities(
        &self,
        out: &mut Vec<u8>,
        fields: &mut Fields,
        first: usize,
        without: Option<usize>,
    ) {
        for (position, (name, value)) in CAPACITIES.iter().zip(self.capacities).enumerate() {
            if without != Some(first + position) {
                fields.name(out, name);
                write_decimals(out, value, 0);
            }
        }
    }
}

/// Puts the right separator before each field that is there.
struct Fields {
    separator: u8,
}

impl Fields {
    fn name(&mut self, out: &mut Vec<u8>, name: &str) {
        out.push(self.separator);
        self.separator = b',';
        out.extend_from_slice(name.as_bytes());
        out.push(b'=');
    }
}
