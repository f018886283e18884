//! Which records to forget.

use crate::exit::Failure;
use clap::Args;
use rescind_data::RecordRequest;
use std::fs;
use std::path::PathBuf;

#[derive(Args)]
#[command(next_help_heading = "Records to forget (one of)")]
#[group(id = "which", required = true, multiple = false)]
pub struct RecordOptions {
    /// These positions among the training records, counted from 0, such as 3,17,20-29
    #[arg(long, value_name = "POSITIONS", group = "which")]
    records: Option<String>,

    /// The positions in this file, separated by commas or line ends
    #[arg(long, value_name = "FILE", group = "which")]
    records_from: Option<PathBuf>,

    /// The record with this content hash (8 digits or more) and its exact copies
    #[arg(long, value_name = "HEX", group = "which")]
    hash: Option<String>,

    /// Every record of this person, by the table's subject column
    #[arg(long, value_name = "NAME", group = "which")]
    subject: Option<String>,

    /// Every record of this class
    #[arg(long, value_name = "NAME", group = "which")]
    class: Option<String>,

    /// This many records drawn by --seed, for experiments
    #[arg(long, value_name = "COUNT", group = "which")]
    random: Option<usize>,
}

impl RecordOptions {
    pub fn request(&self, seed: u64) -> Result<RecordRequest, Failure> {
        let read = |text: String| text.parse().map_err(Failure::usage);
        if let Some(count) = self.random {
            return Ok(RecordRequest::Random { count, seed });
        }
        if let Some(name) = &self.subject {
            return Ok(RecordRequest::Subject(name.clone()));
        }
        if let Some(name) = &self.class {
            return Ok(RecordRequest::Class(name.clone()));
        }
        if let Some(hash) = &self.hash {
            return read(format!("hash:{hash}"));
        }
        if let Some(path) = &self.records_from {
            let text = fs::read_to_string(path).map_err(|error| {
                Failure::Failed(format!("{}: cannot be read: {error}", path.display()))
            })?;
            let parts: Vec<&str> = text.split([',', '\n']).map(str::trim).collect();
            let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            return read(parts.join(","));
        }
        let positions = self.records.clone().unwrap_or_default();
        match positions.contains(':') {
            true => Err(Failure::Usage(format!(
                "--records takes positions, found `{positions}`"
            ))),
            false => read(positions),
        }
    }
}
