//! What holds for every past request, release after release (docs/theory.md §5).

use super::ReportError;
use super::sources::Sources;
use crate::report::chart::{Axis, Chart, Mark, Scale, Series};
use crate::report::page::{Block, Figure, Section, Table};
use crate::report::words::{above, count};
use rescind::ledger::{History, ReleaseEntry, Standing};
use rescind_privacy::Delta;
use rescind_privacy::accounting::{Accountant, RunAccountant};

/// Rows shown at most, the newest; lines at most, spread over all.
const MOST_ROWS: usize = 100;
const MOST_LINES: usize = 6;

pub(super) fn section(sources: &Sources<'_>) -> Result<Section, ReportError> {
    let title = "Guarantee of every past request";
    let Some(history) = &sources.history else {
        return Ok(Section::new(title, Vec::new()));
    };
    let Some(newest) = history.releases().last() else {
        let none = "Nothing was released yet, so no request has a guarantee to lose.";
        return Ok(Section::new(title, vec![Block::text(none)]));
    };
    let delta = newest.delta;
    let standings = history.standings()?;
    let mut blocks = vec![Block::text(
        "A forgotten record is protected in every release made since, and each later release weakens \
         that protection a little: these are the figures that hold together.",
    )];
    blocks.push(chart(history, &standings, delta));
    let shown = &standings[standings.len().saturating_sub(MOST_ROWS)..];
    blocks.push(Block::Table(table(shown, delta)));
    if shown.len() < standings.len() {
        let (few, all) = (shown.len(), standings.len());
        blocks.push(Block::text(format!("The newest {few} of {all} requests.")));
    }
    Ok(Section::new(title, blocks))
}

fn table(standings: &[Standing], delta: Delta) -> Table {
    let rows = standings.iter().map(|standing| {
        let epsilon = match standing.epsilon(delta) {
            _ if standing.releases == 0 => "not released yet".to_owned(),
            Ok(epsilon) => above(epsilon.value()),
            Err(_) => "none left: delta is spent".to_owned(),
        };
        let kind = standing
            .kind
            .map_or("\u{2013}".to_owned(), |k| k.to_string());
        let kind = match standing.insecure_noise {
            true => format!("{kind}; noise from a fixed seed"),
            false => kind,
        };
        vec![
            standing.request.number.to_string(),
            standing.request.requested_at.clone(),
            standing.request.records.to_string(),
            standing.releases.to_string(),
            epsilon,
            above(standing.gdp().mu()),
            kind,
        ]
    });
    let head = [
        "request",
        "when (UTC)",
        "records",
        "releases since",
        "epsilon today",
        "GDP today",
        "kind",
    ];
    let caption = format!(
        "What holds today, epsilon at delta = {}.",
        above(delta.value())
    );
    Table::new(&caption, &head, rows.collect())
}

fn chart(history: &History, standings: &[Standing], delta: Delta) -> Block {
    let releases: Vec<&ReleaseEntry> = history.releases().collect();
    let covered: Vec<&Standing> = standings
        .iter()
        .filter(|standing| standing.releases > 0)
        .collect();
    let series = spread(covered.len(), MOST_LINES).into_iter().map(|index| {
        let standing = covered[index];
        let since = standing.first_release.unwrap_or(u64::MAX);
        let first = releases.iter().position(|release| release.number == since);
        let first = first.unwrap_or(releases.len());
        let points = (first..releases.len()).filter_map(|last| {
            let epsilon = after(&releases[first..=last], delta)?;
            Some(((last + 1) as f64, epsilon))
        });
        let name = format!("request {}", standing.request.number);
        Series::new(name, points.collect(), Mark::LineAndPoints)
    });
    let chart = Chart {
        x: Axis::new("releases made so far", Scale::Counts),
        y: Axis::new(
            &format!("epsilon at delta = {}", above(delta.value())),
            Scale::Log,
        ),
        series: series.collect(),
        references: Vec::new(),
    };
    let caption = match covered.len() {
        n if n > MOST_LINES => format!(
            "{} of {}, spread over all. A line that rises is a promise that got weaker.",
            MOST_LINES,
            count(n, "request")
        ),
        _ => "A line that rises is a promise that got weaker.".to_owned(),
    };
    Figure::block(
        "standings",
        "Guarantee of past requests, release after release",
        &caption,
        chart,
    )
}

/// ε of these releases together.
fn after(releases: &[&ReleaseEntry], delta: Delta) -> Option<f64> {
    let spent = RunAccountant::of(releases.iter().map(|release| &release.spent)).ok()?;
    Some(spent.epsilon(delta).ok()?.value())
}

/// At most `most` of `all` indices, first and last among them.
fn spread(all: usize, most: usize) -> Vec<usize> {
    match all <= most {
        true => (0..all).collect(),
        false => (0..most).map(|i| i * (all - 1) / (most - 1)).collect(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn lines_are_spread_over_all_requests() {
        assert_eq!(super::spread(3, 6), [0, 1, 2]);
        assert_eq!(super::spread(100, 6), [0, 19, 39, 59, 79, 99]);
        assert!(super::spread(0, 6).is_empty());
    }
}
