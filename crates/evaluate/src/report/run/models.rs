//! How the models do on every set of records.

use super::sources::Sources;
use crate::report::chart::{Axis, Chart, Mark, Scale, Series};
use crate::report::page::{Block, Figure, Section, Table};
use crate::report::words::{number, percent};
use rescind::evaluation::Measured;
use rescind::{Evaluation, Sets};

const SETS: [&str; 4] = ["forgotten", "retained", "validation", "test"];

pub(super) fn section(sources: &Sources<'_>) -> Section {
    let title = "Models by set of records";
    let Some(evaluation) = &sources.evaluation else {
        let none = match sources.run.model_is_absent() {
            true => {
                "The model computes in a program of its own, and this page was made without it: \
                 what the models do is on the page that is made there (run.report() in Python)."
            }
            false => "There are no weights yet: train the run first.",
        };
        return Section::new(title, vec![Block::text(none)]);
    };
    let mut blocks = vec![Block::text(
        "A model that has forgotten does on the forgotten records as one retrained without them \
         does. Only the released model carries noise and a guarantee.",
    )];
    blocks.push(Block::Table(table(evaluation)));
    blocks.push(accuracies(evaluation));
    if evaluation.retrained.is_none() {
        blocks.push(Block::text(
            "There is no retrained model to compare with yet (rescind retrain).",
        ));
    }
    Section::new(title, blocks)
}

/// The models there are.
fn models(evaluation: &Evaluation) -> Vec<(&'static str, &Sets)> {
    let all = [
        ("original", evaluation.original.as_ref()),
        ("unlearned (private)", Some(&evaluation.current)),
        ("released", evaluation.released.as_ref()),
        ("retrained", evaluation.retrained.as_ref()),
    ];
    let there = all.into_iter();
    there
        .filter_map(|(name, sets)| sets.map(|sets| (name, sets)))
        .collect()
}

fn sets(of: &Sets) -> [&Measured; 4] {
    [&of.forgotten, &of.retained, &of.validation, &of.test]
}

fn table(evaluation: &Evaluation) -> Table {
    let head = [
        "model",
        "forgotten: accuracy",
        "loss",
        "retained: accuracy",
        "loss",
        "test: accuracy",
        "loss",
        "distance from retrained",
    ];
    let rows = models(evaluation).into_iter().map(|(name, of)| {
        let mut row = vec![name.to_owned()];
        for measured in [&of.forgotten, &of.retained, &of.test] {
            row.extend(match measured.records {
                0 => ["\u{2013}".to_owned(), "\u{2013}".to_owned()],
                _ => [
                    measured.accuracy.map_or("\u{2013}".to_owned(), percent),
                    number(measured.loss),
                ],
            });
        }
        row.push(of.to_retrained.map_or("\u{2013}".to_owned(), number));
        row
    });
    let counts = sets(&evaluation.current).map(|measured| measured.records);
    let caption = format!(
        "Accuracy, mean loss and distance of the weights from the retrained \
         ones (Euclidean). Records: {} forgotten, {} retained, {} for validation, {} for test.",
        counts[0], counts[1], counts[2], counts[3]
    );
    Table::new(&caption, &head, rows.collect())
}

fn accuracies(evaluation: &Evaluation) -> Block {
    let there: Vec<usize> = (0..SETS.len())
        .filter(|&set| sets(&evaluation.current)[set].records > 0)
        .collect();
    let series = models(evaluation).into_iter().map(|(name, of)| {
        let rows = there.iter().enumerate();
        let points = rows.map(|(row, &set)| (100.0 * sets(of)[set].share_right(), row as f64));
        Series::new(name, points.collect(), Mark::Points)
    });
    let names = there.iter().map(|&set| SETS[set].to_owned()).collect();
    let chart = Chart {
        x: Axis::new("accuracy (%)", Scale::Linear),
        y: Axis::new("set of records", Scale::Categories(names)),
        series: series.collect(),
        references: Vec::new(),
    };
    Figure::block(
        "accuracy",
        "Accuracy by set of records and model",
        "The further the unlearned model's mark on the forgotten records is from the retrained \
         one's, the less it has forgotten. The axis does not start at 0.",
        chart,
    )
}
