//! Which records to forget.

use crate::exit::Failure;
use clap::Args;
use rescind_data::RecordRequest;
use std::fs;
use std::path::PathBuf;

#[derive(Args)]
#[command(next_help_heading = "Records to forget (one or more of)")]
#[group(id = "which", required = true, multiple = true)]
pub struct RecordOptions {
    /// These positions among the training records, counted from 0, such as 3,17,20-29
    #[arg(long, value_name = "POSITIONS", group = "which")]
    records: Vec<String>,

    /// The positions in this file, separated by commas or line ends
    #[arg(long, value_name = "FILE", group = "which")]
    records_from: Vec<PathBuf>,

    /// The record with this content hash (64 digits) and its exact copies
    #[arg(long, value_name = "HEX", group = "which")]
    hash: Vec<String>,

    /// Every record of this person, by the table's subject column
    #[arg(long, value_name = "NAME", group = "which")]
    subject: Vec<String>,

    /// Every record of this class
    #[arg(long, value_name = "NAME", group = "which")]
    class: Vec<String>,

    /// This many records drawn by --seed, for experiments
    #[arg(long, value_name = "COUNT", group = "which", conflicts_with_all = ["records", "records_from", "hash", "subject", "class"])]
    random: Option<usize>,
}

impl RecordOptions {
    /// Everything that was named: the request is for all of it.
    pub fn requests(&self, seed: u64) -> Result<Vec<RecordRequest>, Failure> {
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
            let text = fs::read_to_string(path)
                .map_err(|error| Failure::io(path, format_args!("cannot be read: {error}")))?;
            let parts: Vec<&str> = text.split([',', '\n']).map(str::trim).collect();
            let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            all.push(read(parts.join(","))?);
        }
        for hash in &self.hash {
            all.push(read(format!("hash:{hash}"))?);
        }
        all.extend(self.subject.iter().cloned().map(RecordRequest::Subject));
        all.extend(self.class.iter().cloned().map(RecordRequest::Class));
        Ok(all)
    }
}
