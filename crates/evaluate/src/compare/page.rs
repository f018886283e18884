//! A comparison as a page.

mod cost;
mod fidelity;
mod membership;
mod rows;

use super::missing::sentences;
use super::results::Results;
use super::tables::{ATTACKS, COST, FIDELITY, NOTES, promising, table};
use crate::report::words::{count, number, percent, seconds};
use crate::report::{Block, Fact, Headline, Report, Section, Table, Tone};

impl Results {
    /// The results as a page: what was compared, the tables, and plots. However little there is, it
    /// says what is missing.
    pub fn report(&self) -> Report {
        let mut sections = Vec::new();
        if !self.rows.is_empty() {
            let tabled = |caption: &str, (head, rows): (Vec<&str>, _)| {
                Block::Table(Table::new(caption, &head, rows))
            };
            sections.push(Section::new(
                "Closeness to retraining",
                vec![
                    tabled(
                        "Mean ± standard deviation over the seeds.",
                        table(self, FIDELITY),
                    ),
                    fidelity::accuracies(self),
                    fidelity::losses(self),
                ],
            ));
            let mut attacks = membership::blocks(self);
            if attacks
                .iter()
                .any(|block| matches!(block, Block::Figure(_)))
            {
                let caption = "Area under the curve (AUC), 0.5 by guessing.";
                attacks.insert(0, tabled(caption, table(self, ATTACKS)));
            }
            sections.push(Section::new("What attacks find", attacks));
            sections.push(Section::new(
                "Guarantee, accuracy and time",
                vec![
                    tabled(
                        "What each method promises, and what it took.",
                        promising(self, COST),
                    ),
                    cost::trade_off(self),
                ],
            ));
            sections.push(Section::new("How to read it", vec![Block::text(NOTES)]));
        }
        Report {
            title: format!("Comparison: {}", self.name),
            subject: self.setting.clone(),
            headline: self.headline(),
            facts: self.facts(),
            sections,
            closing: "Everything on this page was measured, on records and mostly on un-noised \
                      weights, and proves nothing; only a release's certificate does. It tells what \
                      the networks do on the records drawn: on one person's, where these alone were \
                      forgotten."
                .to_owned(),
        }
    }

    fn headline(&self) -> Headline {
        let (done, failed) = (
            self.cells.len(),
            self.missing.iter().filter(|one| one.failed.is_some()),
        );
        let (failed, missing) = (failed.count(), self.missing.len());
        let all = done + missing;
        let others = self.rows.iter().filter(|row| !row.is_given());
        let methods = count(others.count(), "method");
        let sentence = match done {
            0 => format!("Nothing has been measured yet of: {}.", self.setting),
            _ => format!(
                "{}: how close {methods} came to a model retrained without the records, beside the \
                 original model, with the same seeds and records throughout.",
                self.setting
            ),
        };
        Headline {
            kind: match (missing, failed) {
                _ if done == 0 && failed == 0 => "Nothing measured yet".to_owned(),
                (0, _) => format!("Complete: {}", count(done, "measurement")),
                (_, 0) => format!("Incomplete: {done} of {all} measured"),
                _ => format!("Incomplete: {done} of {all} measured, {failed} failed"),
            },
            tone: if failed > 0 { Tone::Bad } else { Tone::Plain },
            sentence,
            notes: sentences(&self.missing),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        let fact = |name: &str, value: String, note: &str| Fact {
            name: name.to_owned(),
            value,
            note: note.to_owned(),
        };
        let Some(cell) = self.cells.first() else {
            return Vec::new();
        };
        let records = |set: &crate::fidelity::Scores| set.records.to_string();
        let sets = &cell.fidelity;
        let retained = format!("{} retained", sets.retained.scores.records);
        let mut facts = vec![fact(
            "records forgotten",
            records(&sets.forgotten.scores),
            &retained,
        )];
        let of = |kind: &str, metric: &str| {
            let row = self.rows.iter().find(|row| row.method == kind)?;
            row.metrics.get(metric).map(|spread| spread.mean)
        };
        let (retrain, original) = (super::config::RETRAIN, super::config::ORIGINAL);
        let mut beside = |name: &str, metric: &str, written: fn(f64) -> String| {
            if let Some(value) = of(retrain, metric) {
                let before = of(original, metric).map(written);
                let before = before.map_or(String::new(), |text| format!("original {text}"));
                facts.push(fact(name, written(value), &before));
            }
        };
        beside("retrained: loss on them, nats", "forgotten_loss", number);
        beside("retrained: test accuracy", "test_accuracy", percent);
        beside("time of retraining", "seconds", seconds);
        facts
    }
}
