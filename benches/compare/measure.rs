//! What was measured: kept as lines of JSON as soon as it is there, and summed up for the table.

use std::{fs::File, io::Write as _, path::Path, time::Duration};

use anyhow::Result;
use serde_json::json;

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Seconds,
    /// Bytes a second.
    Rate,
    Bytes,
    /// So many times something.
    Times,
    /// A part of a whole, from 0 to 1.
    Share,
}

impl Unit {
    /// A figure for people.
    pub(crate) fn show(self, value: f64) -> String {
        const MIB: f64 = (1 << 20) as f64;
        match self {
            Self::Seconds if value < 0.1 => format!("{value:.4} s"),
            Self::Seconds => format!("{value:.2} s"),
            Self::Rate => format!("{:.1} MiB/s", value / MIB),
            Self::Bytes => format!("{:.1} MiB", value / MIB),
            Self::Times => format!("{value:.3} ×"),
            Self::Share => format!("{:.0} %", value * 100.0),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Rate => "bytes_per_second",
            Self::Bytes => "bytes",
            Self::Times => "times",
            Self::Share => "share",
        }
    }
}

/// What one run gave: a figure, and others that explain it.
pub(crate) struct Figures {
    pub(crate) unit: Unit,
    pub(crate) value: f64,
    pub(crate) parts: Vec<(&'static str, Unit, f64)>,
}

impl Figures {
    pub(crate) fn new(unit: Unit, value: f64) -> Self {
        Self {
            unit,
            value,
            parts: Vec::new(),
        }
    }

    pub(crate) fn seconds(took: Duration) -> Self {
        Self::new(Unit::Seconds, took.as_secs_f64())
    }

    pub(crate) fn with(mut self, name: &'static str, unit: Unit, value: f64) -> Self {
        self.parts.push((name, unit, value));
        self
    }
}

/// All runs of one contender at one thing.
pub(crate) struct Row {
    /// What was measured, for people.
    pub(crate) group: String,
    pub(crate) who: &'static str,
    pub(crate) runs: Vec<Figures>,
}

/// Everything that was measured.
pub(crate) struct Report {
    raw: File,
    pub(crate) rows: Vec<Row>,
    /// What did not work, for below the table.
    pub(crate) notes: Vec<String>,
}

impl Report {
    /// The raw figures go into a new file.
    pub(crate) fn new(raw: &Path, machine: &str) -> Result<Self> {
        let mut raw = File::create_new(raw)?;
        writeln!(raw, "{}", json!({ "machine": machine }))?;
        Ok(Self {
            raw,
            rows: Vec::new(),
            notes: Vec::new(),
        })
    }

    /// Takes in what a run gave.
    pub(crate) fn add(&mut self, group: &str, who: &'static str, figures: Figures) -> Result<()> {
        let known = self
            .rows
            .iter()
            .position(|row| row.group == group && row.who == who);
        let row = known.unwrap_or_else(|| {
            self.rows.push(Row {
                group: group.to_owned(),
                who,
                runs: Vec::new(),
            });
            self.rows.len() - 1
        });
        let row = &mut self.rows[row];
        let mut line = json!({
            "case": group,
            "who": who,
            "run": row.runs.len() + 1,
            figures.unit.name(): figures.value,
        });
        for (name, _, value) in &figures.parts {
            line[*name] = json!(value);
        }
        writeln!(self.raw, "{line}")?;
        row.runs.push(figures);
        Ok(())
    }

    /// Takes in that something failed.
    pub(crate) fn note(&mut self, note: String) -> Result<()> {
        writeln!(self.raw, "{}", json!({ "note": note }))?;
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
        Ok(())
    }
}

/// Least, median and most.
#[derive(Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) least: f64,
    pub(crate) median: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// `None` of nothing.
    pub(crate) fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<_> = values.collect();
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = if values.len() % 2 == 1 {
            values[middle]
        } else {
            f64::midpoint(values[middle - 1], values[middle])
        };
        Some(Self {
            least,
            median,
            most,
        })
    }
}
