mod demo;
mod place;
mod token;

use crate::console::Console;
use crate::exit::{Failure, Status};
use crate::file;
use crate::interrupt;
use clap::{Args, Subcommand};
use place::DeskPlace;
use rescind_service::policy::Policy;
use rescind_service::{Limits, ModelGiven, Notice, ServiceError, Settings, TlsFiles};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

/// Run a deletion desk: take deletion requests over HTTP, and have every model answer them
///
/// Requests are kept in a database (SQLite in the desk's folder, or PostgreSQL) and answered by the
/// runs that were registered, each by its policy. Ends on Ctrl-C or SIGTERM with everything on the
/// disk; killed, it goes on where it was. docs/service.md has a tutorial, the interface, how to
/// operate it, and what it protects against.
#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples: rescind serve --demo\n          rescind serve --model shop=run --policy shop=policy.json\n          rescind serve token create --owner shop-frontend --role requester"
)]
pub struct Serve {
    #[command(flatten)]
    place: DeskPlace,

    /// Address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: String,

    /// Certificate to speak TLS with, and those that vouch for it, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,

    /// Its private key, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,

    /// Register this run as a model of this name, unless it is
    #[arg(long = "model", value_name = "NAME=RUN", value_parser = parse_pair)]
    models: Vec<(String, PathBuf)>,

    /// Put a run given by --model in place of another that is registered under the same name
    #[arg(long, requires = "models")]
    replace: bool,

    /// Policy of a model given by --model: a JSON file; takes the place of the one it has
    #[arg(long = "policy", value_name = "NAME=FILE", value_parser = parse_pair, requires = "models")]
    policies: Vec<(String, PathBuf)>,

    /// Runs in folders below this one may be registered over HTTP
    #[arg(long, value_name = "DIR")]
    runs: Vec<PathBuf>,

    /// Models worked on at once by this process; with 0 it only takes calls
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    workers: usize,

    /// Take no calls: only work on the models, for a desk whose database others take calls for
    #[arg(long)]
    only_work: bool,

    /// Address that is told, signed, of what operators have to see to
    #[arg(long, value_name = "URL")]
    alerts: Option<String>,

    /// Call addresses that requests name also on this machine and in private networks
    #[arg(long)]
    private_callbacks: bool,

    /// Largest body of a call, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().body)]
    most_bytes: usize,

    /// Calls a second with tokens of one owner; twice as many at once after a pause
    #[arg(long, value_name = "CALLS", default_value_t = Limits::default().calls_per_second)]
    most_calls: u32,

    /// Make and register a model to try the desk with, and tokens that are valid for a day
    #[arg(long)]
    demo: bool,

    #[command(subcommand)]
    command: Option<Beside>,
}

/// What is done beside a desk, which may be running.
#[derive(Subcommand)]
enum Beside {
    Token(token::Token),
}

fn parse_pair(text: &str) -> Result<(String, PathBuf), String> {
    let pair = text.split_once('=');
    let (name, path) = pair.ok_or_else(|| format!("found `{text}`, expected NAME=PATH"))?;
    Ok((name.to_owned(), PathBuf::from(path)))
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        Self::other(error.code(), error)
    }
}

impl Serve {
    pub fn run(self, console: &Console) -> Result<Status, Failure> {
        if let Some(Beside::Token(command)) = self.command {
            return command.run(&self.place, console);
        }
        interrupt::catch();
        let mut models = Vec::new();
        for (name, run) in self.models {
            let given = self.policies.iter().find(|(of, _)| *of == name);
            let policy = given.map(|(_, path)| read_policy(path)).transpose()?;
            models.push(ModelGiven { name, run, policy });
        }
        let unknown = self
            .policies
            .iter()
            .find(|(of, _)| models.iter().all(|model| model.name != *of));
        if let Some((of, _)) = unknown {
            return Err(Failure::usage(format_args!(
                "--policy {of}=… needs --model {of}=…"
            )));
        }
        if self.demo {
            models.push(demo::make(&self.place, &self.listen, console)?);
        }
        rescind_service::serve(Settings {
            folder: self.place.desk,
            database: self.place.database,
            listen: self.listen,
            tls: self
                .tls_certificate
                .zip(self.tls_key)
                .map(|(certificate, key)| TlsFiles { certificate, key }),
            serves: !self.only_work,
            workers: self.workers,
            runs: self.runs,
            models,
            replaces: self.replace,
            alerts: self.alerts,
            private_callbacks: self.private_callbacks,
            limits: Limits {
                body: self.most_bytes,
                calls_per_second: self.most_calls,
                burst: self.most_calls.saturating_mul(2),
                ..Limits::default()
            },
            hears: Arc::new(if console.is_json() { as_json } else { as_text }),
            ends: Arc::new(interrupt::asked),
        })?;
        Ok(Status::Done)
    }
}

fn read_policy(path: &std::path::Path) -> Result<Policy, Failure> {
    let policy = serde_json::from_str(&file::read_text(path)?);
    policy.map_err(|error| Failure::usage(format_args!("{}: {error}", path.display())))
}

/// A line a notice, on standard error.
fn as_text(notice: &Notice) {
    let at = humantime::format_rfc3339_seconds(SystemTime::now());
    let _ = writeln!(std::io::stderr(), "{at} {notice}");
}

/// The same as an object a line, on standard output.
fn as_json(notice: &Notice) {
    if let Ok(text) = serde_json::to_string(notice) {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{text}").and_then(|()| out.flush());
    }
}
