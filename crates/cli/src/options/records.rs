//! Which records to forget.

use crate::exit::Failure;
use crate::file;
use clap::Args;
use rescind::{Code, Error, Run, RunConfig};
use rescind_data::{DataSource, RecordRequest, read_subjects};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// A draw to suggest for a first try, of so many records: a few, as forgetting most of them would
/// show nothing; none where nothing can be forgotten.
pub fn draw(records: usize) -> Option<usize> {
    (records > 1).then(|| (records / 20).clamp(1, 50))
}

#[derive(Args, Clone)]
#[command(next_help_heading = "Records to forget (one or more of)")]
#[group(id = "which", required = true, multiple = true)]
pub struct RecordOptions {
    /// These positions among the training records, counted from 0, such as 3,17,20-29
    #[arg(long, value_name = "POSITIONS", group = "which")]
    records: Vec<String>,

    /// The positions in this file, separated by commas or line ends
    #[arg(long, value_name = "FILE", group = "which")]
    records_from: Vec<PathBuf>,

    /// The records in these lines of the table, as it was when the run was made: 1 is the line of
    /// the columns' names (of a Parquet file the rows, counted from 1)
    #[arg(long, value_name = "LINES", group = "which")]
    lines: Vec<String>,

    /// The record with this content hash (64 digits) and its exact copies
    #[arg(long, value_name = "HEX", group = "which")]
    hash: Vec<String>,

    /// Every record of this person, by the table's subject column
    #[arg(long, value_name = "NAME", group = "which")]
    subject: Vec<String>,

    /// Every record of the people in this file: one on each line, CSV with a column of the name that
    /// the table's subject column has (or `subject` or `id`), or JSON lines
    #[arg(long, value_name = "FILE", group = "which")]
    subjects_from: Vec<PathBuf>,

    /// Every record of this class
    #[arg(long, value_name = "NAME", group = "which")]
    class: Vec<String>,

    /// This many records drawn by --seed, for experiments
    #[arg(long, value_name = "COUNT", group = "which", conflicts_with_all = ["records", "records_from", "lines", "hash", "subject", "subjects_from", "class"])]
    random: Option<usize>,
}

impl RecordOptions {
    /// Everything that was named: the request is for all of it.
    pub fn requests(&self, seed: u64, run: &Run) -> Result<Vec<RecordRequest>, Failure> {
        let read = |text: String| text.parse::<RecordRequest>().map_err(Failure::usage);
        let mut all = Vec::new();
        if let Some(count) = self.random {
            all.push(RecordRequest::Random { count, seed });
        }
        for positions in &self.records {
            if positions.contains(':') {
                return Err(Failure::Usage(format!(
                    "--records takes positions, found `{positions}`"
                )));
            }
            all.push(read(positions.clone())?);
        }
        for path in &self.records_from {
            let text = file::read_text(path)?;
            let parts: Vec<&str> = text.split([',', '\n']).map(str::trim).collect();
            let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            all.push(read(parts.join(","))?);
        }
        for lines in &self.lines {
            all.push(read(format!("line:{lines}"))?);
        }
        for hash in &self.hash {
            all.push(read(format!("hash:{hash}"))?);
        }
        all.extend(self.subject.iter().cloned().map(RecordRequest::Subject));
        for path in &self.subjects_from {
            let bytes = file::read(path)?;
            let column = subject_column(run);
            let subjects = read_subjects(&bytes, column.as_deref());
            let subjects = subjects
                .map_err(|error| Failure::usage(format_args!("{}: {error}", path.display())))?;
            all.extend(subjects.into_iter().map(RecordRequest::Subject));
        }
        all.extend(self.class.iter().cloned().map(RecordRequest::Class));
        Ok(all)
    }
}

/// The column that says whose a record is.
fn subject_column(run: &Run) -> Option<String> {
    match RunConfig::of_run(run.root()).ok()?.data {
        DataSource::Table { options, .. } => options.subject,
        DataSource::Arrays { options, .. } => options.subject,
        _ => None,
    }
}

/// Names of people that were asked for and are not known, most of them mistyped: with a few that are,
/// as long as the records can still be read. They are shown to whoever asked, who may know them.
pub fn not_found(run: &Run, asked: &[RecordRequest], error: Error) -> Failure {
    if error.code() != Code::UnknownSubject {
        return error.into();
    }
    let unknown = |request: &&RecordRequest| {
        let resolved = run.resolve(std::slice::from_ref(*request));
        resolved.is_err_and(|error| error.code() == Code::UnknownSubject)
    };
    let unknown: Vec<&str> = asked
        .iter()
        .filter(unknown)
        .filter_map(|request| match request {
            RecordRequest::Subject(name) => Some(name.as_str()),
            _ => None,
        })
        .collect();
    let mut message = match asked.len() {
        1 => error.to_string(),
        people => format!(
            "{error} ({} of {people} named: {}); nothing was done",
            unknown.len(),
            some(&unknown)
        ),
    };
    if let Some(name) = unknown.first() {
        let near = near(run, name);
        if !near.is_empty() {
            message += &format!(". Near {name:?}: {}", some(&near));
        }
    }
    Failure::other(Code::UnknownSubject, message)
}

/// The first of some names, in quotes.
fn some<T: AsRef<str>>(names: &[T]) -> String {
    let shown = names
        .iter()
        .take(5)
        .map(|name| format!("{:?}", name.as_ref()));
    let more = if names.len() > 5 { ", ..." } else { "" };
    format!("{}{more}", shown.collect::<Vec<_>>().join(", "))
}

/// The people nearest to a name: a few letters off, or written with other capitals.
fn near(run: &Run, name: &str) -> Vec<String> {
    let Ok(classifier) = run.classifier() else {
        return Vec::new();
    };
    let plain = |name: &str| name.trim().to_lowercase();
    let wanted = plain(name);
    let most = 2.min(wanted.chars().count() / 2);
    let known = [classifier.train_records(), classifier.test_records()];
    let known: BTreeSet<&String> = known
        .iter()
        .flatten()
        .flat_map(|records| records.subjects().unwrap_or_default())
        .collect();
    let mut near: Vec<(usize, &String)> = known
        .into_iter()
        .map(|known| (strsim::osa_distance(&plain(known), &wanted), known))
        .filter(|(distance, _)| *distance <= most)
        .collect();
    near.sort();
    near.into_iter()
        .take(3)
        .map(|(_, name)| name.clone())
        .collect()
}
