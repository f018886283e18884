use crate::console::Console;
use crate::exit::{Failure, Status};
use crate::figures::{count, number};
use crate::options::budget::BudgetOptions;
use crate::options::model::{BallOptions, ConvexOptions, DataOptions, ModelOptions, read_weights};
use crate::options::training::TrainingOptions;
use crate::place::Place;
use crate::progress::Watch;
use clap::Args;
use rescind::Run;
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;

/// Take a model trained elsewhere into a run
///
/// The weights are a safetensors file under PyTorch's names. Every record of the data source but
/// the validation share counts as trained on. Name the settings the model was trained by: retraining
/// uses them, and the guarantee compares with it. Nobody can check that they are the right ones.
#[derive(Args)]
#[command(
    after_help = "Example: rescind import model.safetensors --data mnist:mnist --model mlp --out run"
)]
pub struct Import {
    /// The trained weights (safetensors)
    weights: PathBuf,

    /// Run folder to make: new or empty
    #[arg(long, value_name = "RUN")]
    out: PathBuf,

    #[command(flatten)]
    data: DataOptions,

    #[command(flatten)]
    model: ModelOptions,

    #[command(flatten)]
    training: TrainingOptions,

    #[command(flatten)]
    ball: BallOptions,

    #[command(flatten)]
    convex: ConvexOptions,

    #[command(flatten)]
    budget: BudgetOptions,
}

#[derive(Serialize)]
struct Imported {
    run: Place,
    records: usize,
    parameters: usize,
    /// Distance of the weights from the centre.
    norm: f64,
    radius: f64,
}

impl Import {
    pub fn run(self, console: &Console) -> Result<Status, Failure> {
        let weights = read_weights(&self.weights)?;
        let config = self
            .training
            .config(&self.data, &self.model, &self.ball, &self.convex)?;
        let centre = self.ball.centre()?;
        let mut watch = Watch::new(console);
        let mut run = Run::import(&self.out, config, centre.as_deref(), &weights, &mut watch)?;
        drop(watch);
        if let Some(budget) = self.budget.given() {
            run.set_budget(budget)?;
        }
        let radius = run.settings().radius;
        console.print_done(&Imported {
            records: run.retained().len(),
            parameters: run.model().description().parameters(),
            norm: run.norm()?,
            radius,
            run: self.out.into(),
        });
        Ok(Status::Done)
    }
}

impl fmt::Display for Imported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let run = self.run.display();
        let (norm, radius) = (number(self.norm), number(self.radius));
        writeln!(
            f,
            "Imported into {run}: {} of length {norm}, within a ball of radius {radius}; {} count \
             as trained on.\n",
            count(self.parameters, "weight"),
            count(self.records, "record"),
        )?;
        writeln!(f, "Next: rescind forget {run} --random 50")
    }
}
