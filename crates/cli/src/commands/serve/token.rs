//! Tokens of a desk.

use super::place::DeskPlace;
use crate::console::Console;
use crate::exit::{Failure, Status};
use crate::table::table;
use clap::{Args, Subcommand};
use rescind_service::{Role, TokenListed, Tokens};
use serde::Serialize;
use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

/// Make, list and end the tokens that calls carry
#[derive(Args)]
pub struct Token {
    #[command(subcommand)]
    command: OfTokens,
}

#[derive(Subcommand)]
enum OfTokens {
    /// Make a token, and print it: it cannot be shown again
    Create {
        /// Whose it is, a system or an office: 1 to 64 letters, digits, dots, dashes and underscores
        #[arg(long, value_name = "NAME")]
        owner: String,
        /// What it allows: requester, operator or auditor
        #[arg(long, value_name = "ROLE")]
        role: Role,
        /// For how many days it is valid [default: until it is revoked]
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3660))]
        days: Option<u32>,
    },
    /// List the tokens there are, without their secrets
    List,
    /// End a token, at once
    Revoke {
        /// Its name, as `list` shows it
        id: String,
    },
    /// Print the key that callbacks are signed with, in base64
    CallbackKey,
}

#[derive(Serialize)]
struct Made {
    token: String,
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.token)
    }
}

#[derive(Serialize)]
struct Listed {
    tokens: Vec<TokenListed>,
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = |seconds: i64| {
            let at = UNIX_EPOCH + Duration::from_secs(seconds.max(0) as u64);
            let text = humantime::format_rfc3339_seconds(at).to_string();
            text.split('T').next().unwrap_or_default().to_owned()
        };
        let rows = self.tokens.iter().map(|token| {
            [
                token.id.clone(),
                token.owner.clone(),
                token.role.to_string(),
                day(token.made_at),
                token.expires_at.map_or_else(String::new, day),
                token.revoked_at.map_or_else(String::new, day),
            ]
        });
        let head = ["token", "owner", "role", "made", "valid until", "revoked"];
        writeln!(f, "{}", table(head, rows))
    }
}

#[derive(Serialize)]
struct Revoked {
    revoked: String,
}

impl fmt::Display for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Token {} is not valid any more.", self.revoked)
    }
}

#[derive(Serialize)]
struct CallbackKey {
    callback_key: String,
}

impl fmt::Display for CallbackKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.callback_key)
    }
}

const DAY: u32 = 86_400;

impl Token {
    pub fn run(self, place: &DeskPlace, console: &Console) -> Result<Status, Failure> {
        let (folder, database) = (&place.desk, place.database.as_deref());
        match self.command {
            OfTokens::Create { owner, role, days } => {
                let is_new = !folder.exists();
                let tokens = Tokens::open_or_make(folder, database)?;
                let token = tokens.make(&owner, role, days.map(|days| days * DAY))?;
                if is_new {
                    console.note(&format!("a new desk was made in {}", folder.display()));
                }
                console.print(&Made { token })?;
            }
            OfTokens::List => {
                let tokens = Tokens::open(folder, database)?.list()?;
                console.print(&Listed { tokens })?;
            }
            OfTokens::Revoke { id } => {
                Tokens::open(folder, database)?.revoke(&id)?;
                console.print_done(&Revoked { revoked: id });
            }
            OfTokens::CallbackKey => {
                let callback_key = Tokens::open(folder, database)?.callback_key();
                console.print(&CallbackKey { callback_key })?;
            }
        }
        Ok(Status::Done)
    }
}
