//! What the developers of Rescind run, and its users do not: `cargo xtask --help` lists it. All tests are run
//! by `cargo xtask test`, which needs none of this.

mod architecture;
mod bench;
mod failure;
mod faults;
mod fuzz;
mod heads;
mod made_up;
mod plan_times;
mod product_times;
mod scales;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(
    bin_name = "cargo xtask",
    about,
    long_about = None,
    after_help = "cargo xtask test runs every test"
)]
struct Tasks {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    Bench(bench::Bench),
    Faults(faults::Faults),
    Fuzz(fuzz::Fuzz),
    Heads(heads::Heads),
    PlanTimes(plan_times::PlanTimes),
    ProductTimes(product_times::ProductTimes),
    Scales(scales::Scales),
}

fn main() -> ExitCode {
    let done = match Tasks::parse().task {
        Task::Bench(task) => task.run(),
        Task::Faults(task) => task.run(),
        Task::Fuzz(task) => task.run(),
        Task::Heads(task) => task.run(),
        Task::PlanTimes(task) => task.run(),
        Task::ProductTimes(task) => task.run(),
        Task::Scales(task) => task.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tools: {error}");
            ExitCode::FAILURE
        }
    }
}
