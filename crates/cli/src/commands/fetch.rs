use crate::console::Console;
use crate::exit::{Failure, Status};
use crate::place::Place;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rescind::{Code, word};
use rescind_data::fetch::{FetchError, FetchOptions, PublishedDataset, fetch};
use serde::Serialize;
use std::fmt;
use std::path::{Path, PathBuf};

/// Download a published dataset, checked against its published checksums
///
/// Files that are there already are kept, and an interrupted download goes on where it broke off.
#[derive(Args)]
#[command(after_help = "Example: rescind fetch mnist")]
pub struct Fetch {
    /// Which dataset
    dataset: Published,

    /// Folder to put it in [default: data/DATASET]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Take the files from this address instead of the published one
    #[arg(long, hide = true)]
    base_url: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Published {
    /// 70 000 handwritten digits of 28×28, 12 MB
    Mnist,
    /// 60 000 colour pictures of 32×32, 170 MB
    Cifar10,
    /// 99 289 house-number digits of 32×32, 246 MB
    Svhn,
}

impl From<Published> for PublishedDataset {
    fn from(dataset: Published) -> Self {
        match dataset {
            Published::Mnist => Self::Mnist,
            Published::Cifar10 => Self::Cifar10,
            Published::Svhn => Self::Svhn,
        }
    }
}

#[derive(Serialize)]
struct Fetched {
    dataset: String,
    folder: Place,
    source: String,
}

impl Fetch {
    pub fn run(self, console: &Console) -> Result<Status, Failure> {
        let dataset = PublishedDataset::from(self.dataset);
        let folder = self
            .out
            .unwrap_or_else(|| PathBuf::from("data").join(dataset.to_string()));
        let options = FetchOptions {
            base_url: self.base_url,
            ..FetchOptions::default()
        };
        let bar = bar(console);
        let mut file = String::new();
        let source = fetch(dataset, &folder, &options, &mut |progress| {
            if file != progress.file {
                progress.file.clone_into(&mut file);
                bar.reset();
                bar.set_length(progress.total);
                bar.set_message(file.clone());
            }
            bar.set_position(progress.done);
        })?;
        bar.finish_and_clear();
        let (dataset, source) = (dataset.to_string(), source.to_string());
        console.print_done(&Fetched {
            dataset,
            folder: folder.into(),
            source,
        });
        Ok(Status::Done)
    }
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        let code = match error {
            FetchError::Unknown(_) => return Self::usage(error),
            FetchError::Io { .. } => Code::Io,
            FetchError::Busy(_) => Code::Busy,
            _ => Code::Download,
        };
        Self::other(code, error)
    }
}

fn bar(console: &Console) -> ProgressBar {
    if !console.shows_progress() {
        return ProgressBar::hidden();
    }
    let template = "{msg:28} {wide_bar} {bytes:>10} of {total_bytes:>10}  {eta}";
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style)
}

impl fmt::Display for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} is in {}, every file as published.",
            self.dataset,
            self.folder.display()
        )?;
        let data = word(Path::new(&self.source.to_string()));
        writeln!(f, "Next: rescind train --data {data} --out run")
    }
}
