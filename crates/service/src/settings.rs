//! What a desk is started with.

use crate::error::ServiceError;
use crate::notice::Notice;
use crate::policy::Policy;
use crate::tls::TlsFiles;
use rescind::Code;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What a desk is started with.
#[derive(Clone)]
pub struct Settings {
    /// The desk's folder: its key, and its database unless that is elsewhere. Made where there is
    /// none, readable by its owner alone.
    pub folder: PathBuf,
    /// Address of a PostgreSQL database, `postgresql://…`; absent: an SQLite file in the folder.
    pub database: Option<String>,
    /// Where to listen, such as `127.0.0.1:8080`.
    pub listen: String,
    /// Certificate and key to speak TLS with; absent: plain HTTP, for a proxy on the same machine.
    pub tls: Option<TlsFiles>,
    /// Whether calls are taken; without, the desk only works on its models.
    pub serves: bool,
    /// How many models are worked on at once by this process; with none it only takes calls.
    pub workers: usize,
    /// Runs below these folders may be registered over HTTP.
    pub runs: Vec<PathBuf>,
    /// Models to register now, if they are not yet.
    pub models: Vec<ModelGiven>,
    /// Whether a run of theirs takes the place of another that is registered under the same name.
    pub replaces: bool,
    /// Where operators are told of what they have to see to.
    pub alerts: Option<String>,
    /// Whether callbacks that requests name may go to this machine and into private networks.
    pub private_callbacks: bool,
    /// What is taken.
    pub limits: Limits,
    /// Hears what happens.
    pub hears: Arc<dyn Fn(&Notice) + Send + Sync>,
    /// Whether the desk is to end.
    pub ends: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl Settings {
    /// Refuses what nothing could be done with.
    pub(crate) fn check(&self) -> Result<(), ServiceError> {
        let refused = |message: &str| Err(ServiceError::refused(Code::Setting, message));
        let uri = |url: &String| url.parse::<axum::http::Uri>().ok();
        if let Some(alerts) = &self.alerts
            && !uri(alerts).is_some_and(|uri| {
                uri.host().is_some() && matches!(uri.scheme_str(), Some("https" | "http"))
            })
        {
            return refused(
                "alerts go to no address: expected https:// or http:// and a host, such as \
                 https://ops.example/desk",
            );
        }
        let limits = &self.limits;
        if limits.body == 0 || limits.calls_per_second == 0 || limits.burst == 0 {
            return refused(
                "a desk that takes no byte, or no call, takes nothing: expected limits of at least 1",
            );
        }
        Ok(())
    }
}

/// A model to register.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelGiven {
    /// Its name.
    pub name: String,
    /// Its run's folder.
    pub run: PathBuf,
    /// How its requests are answered; absent: as they are, or by the default where it is new.
    pub policy: Option<Policy>,
}

/// What is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest body of a call, in bytes.
    pub body: usize,
    /// Calls a second with tokens of one owner, on the average,
    pub calls_per_second: u32,
    /// and so many at once after a pause.
    pub burst: u32,
    /// Connections that are open at once: whoever comes next has the place of one that the desk waits
    /// for, or waits while it works for all of them.
    pub connections: usize,
    /// How long a caller may take to agree on a key (TLS), to send the head of a call, and again its body,
    /// how long to take up 1 KiB a second of the answer, and how long calls that have begun may take once
    /// the desk ends.
    pub patience: Duration,
    /// How long a connection is used for further calls.
    pub life: Duration,
}

impl Default for Limits {
    /// 64 KiB; 500 a second, 1000 at once; 512 connections, which have half a minute, and ten minutes in
    /// all.
    fn default() -> Self {
        Self {
            body: 64 * 1024,
            calls_per_second: 500,
            burst: 1000,
            connections: 512,
            patience: Duration::from_secs(30),
            life: Duration::from_secs(600),
        }
    }
}
