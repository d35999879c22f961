//! The table for docs/performance.md.

use crate::measure::{Report, Row, Spread};

/// What everybody is compared with.
const OURS: &str = "grove";

/// Everything that was measured, as Markdown.
pub(crate) fn table(report: &Report) -> String {
    let mut lines = vec![
        "| case | program | median | least – most | of it | Grove ÷ it |".to_owned(),
        "|---|---|---|---|---|---|".to_owned(),
    ];
    let mut groups: Vec<&str> = Vec::new();
    for row in &report.rows {
        if !groups.contains(&&*row.group) {
            groups.push(&row.group);
        }
    }
    for group in groups {
        let rows: Vec<_> = report
            .rows
            .iter()
            .filter(|row| row.group == group)
            .collect();
        let ours = rows.iter().find(|row| row.who == OURS);
        let ours = ours.and_then(|row| median(row));
        for (number, row) in rows.iter().enumerate() {
            let title = if number == 0 { group } else { "" };
            lines.extend(line(title, row, ours));
        }
    }
    if !report.notes.is_empty() {
        lines.push(String::new());
        lines.extend(report.notes.iter().map(|note| format!("- {note}")));
    }
    lines.join("\n")
}

fn median(row: &Row) -> Option<f64> {
    Spread::of(row.runs.iter().map(|run| run.value)).map(|spread| spread.median)
}

fn line(title: &str, row: &Row, ours: Option<f64>) -> Option<String> {
    let first = row.runs.first()?;
    let spread = Spread::of(row.runs.iter().map(|run| run.value))?;
    let show = |value| first.unit.show(value);
    let parts = first
        .parts
        .iter()
        .enumerate()
        .filter_map(|(number, (name, unit, _))| {
            let values = row.runs.iter().filter_map(|run| run.parts.get(number));
            let spread = Spread::of(values.map(|(_, _, value)| *value))?;
            Some(format!("{name} {}", unit.show(spread.median)))
        });
    let parts: Vec<_> = parts.collect();
    let ratio = ours.filter(|_| row.who != OURS && spread.median > 0.0);
    let ratio = ratio.map(|ours| format!("{:.2}", ours / spread.median));
    Some(format!(
        "| {title} | {} | {} | {} – {} | {} | {} |",
        row.who,
        show(spread.median),
        show(spread.least),
        show(spread.most),
        parts.join(", "),
        ratio.unwrap_or_default(),
    ))
}
