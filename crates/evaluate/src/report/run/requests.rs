//! The requests and how they were answered.

use super::sources::Sources;
use crate::report::chart::{Axis, Chart, Mark, Scale, Series};
use crate::report::page::{Block, Figure, Section, Table};
use crate::report::words::{number, seconds};
use rescind::Answered;
use rescind::methods::newton::NewtonReport;

/// Rows and lines shown at most, the newest.
const MOST_ROWS: usize = 100;
const MOST_LINES: usize = 6;

pub(super) fn section(sources: &Sources<'_>) -> Section {
    let title = "Requests";
    let requests = &sources.answers;
    if requests.is_empty() {
        return Section::new(
            title,
            vec![Block::text("Nothing was asked to be forgotten yet.")],
        );
    }
    let newest = &requests[requests.len().saturating_sub(MOST_ROWS)..];
    let mut blocks = vec![Block::Table(table(newest))];
    if newest.len() < requests.len() {
        let (shown, all) = (newest.len(), requests.len());
        blocks.push(Block::text(format!(
            "The newest {shown} of {all} requests."
        )));
    }
    if let Some(block) = residuals(requests) {
        blocks.push(block);
    }
    Section::new(title, blocks)
}

fn table(requests: &[Answered]) -> Table {
    let rows = requests.iter().map(|request| {
        let nothing = || "\u{2013}".to_owned();
        let effect = request.effect.as_ref();
        let solve = request.method.solve.as_ref();
        vec![
            request.number.to_string(),
            request.requested(),
            request.asked.join(", "),
            request.forgotten.len().to_string(),
            request.method.method.clone(),
            effect.map_or_else(nothing, |effect| number(effect.forgotten_before.loss)),
            effect.map_or_else(nothing, |effect| number(effect.forgotten_after.loss)),
            solve.map_or_else(nothing, |solve| solve.products.to_string()),
            seconds(request.seconds),
            if request.released { "yes" } else { "no" }.to_owned(),
        ]
    });
    let head = [
        "request",
        "when (UTC)",
        "asked",
        "records",
        "method",
        "loss on them before",
        "after",
        "products",
        "time",
        "released",
    ];
    let caption = "Every request, with the mean loss on its records before and after, products \
                   with the curvature and time until the new private weights.";
    Table::new(caption, &head, rows.collect())
}

/// Residual by iteration of the newest iterative solves.
fn residuals(requests: &[Answered]) -> Option<Block> {
    let mut series: Vec<Series> = requests
        .iter()
        .rev()
        .filter_map(|request| match request.method.details::<NewtonReport>() {
            Some(report) if !report.history.is_empty() => {
                let residuals = (1..).zip(&report.history);
                let points =
                    residuals.map(|(iteration, &residual)| (f64::from(iteration), residual));
                let name = format!("request {}", request.number);
                Some(Series::new(name, points.collect(), Mark::Line))
            }
            _ => None,
        })
        .take(MOST_LINES)
        .collect();
    series.reverse();
    if series.is_empty() {
        return None;
    }
    let chart = Chart {
        x: Axis::new("iteration", Scale::Counts),
        y: Axis::new("relative residual of the solve", Scale::Log),
        series,
        references: Vec::new(),
    };
    Some(Figure::block(
        "residual",
        "Residual of the solver by iteration",
        "How well the Newton system was solved, by the solver's own running estimate; what a \
         certificate quotes is computed again at the end, in double precision.",
        chart,
    ))
}
