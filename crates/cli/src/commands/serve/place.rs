//! Where a desk is.

use clap::Args;
use std::path::PathBuf;

/// Where a desk is.
#[derive(Args)]
pub struct DeskPlace {
    /// The desk's folder: made where there is none, readable by its owner alone
    #[arg(
        long,
        value_name = "DIR",
        default_value = "rescind-desk",
        global = true
    )]
    pub desk: PathBuf,

    /// PostgreSQL database of the desk, such as postgresql://desk@db.internal/desk [default: SQLite in
    /// its folder]
    #[arg(
        long,
        value_name = "URL",
        env = "RESCIND_DATABASE",
        hide_env_values = true,
        global = true
    )]
    pub database: Option<String>,
}
