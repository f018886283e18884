use crate::console::Console;
use crate::exit::{Failure, Status};
use crate::figures::{count, number, percent};
use crate::place::Place;
use crate::progress::Watch;
use crate::table::table;
use clap::Args;
use rescind::certificate::upward;
use rescind::{Decisions, InputDecision, Run};
use rescind_data::DataSource;
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;

/// As many inputs are listed one by one; of more, those that are not settled, up to as many.
const LISTED: usize = 20;

/// Tell which decisions forgetting provably left as they are
///
/// For a tangent model or a convex head it is proved how far from the private weights any model can
/// lie that is trained afresh without the forgotten records. An input whose class no weights that near
/// would change is settled: every retrained model decides it so, and to know that nothing is retrained.
/// What is printed was computed from private weights: it is for the operator alone.
#[derive(Args)]
#[command(after_help = "Example: rescind decisions desk")]
pub struct Decide {
    /// Run folder
    run: PathBuf,

    /// Inputs to decide, in the format of --data of rescind train, with the columns of the run in
    /// their order; the run's test records if absent. Labels must be classes of the run, whichever
    #[arg(long, value_name = "SOURCE")]
    on: Option<DataSource>,
}

#[derive(Serialize)]
struct Told {
    run: Place,
    settled: usize,
    #[serde(flatten)]
    decisions: Decisions,
}

impl Decide {
    pub fn run(self, console: &Console) -> Result<Status, Failure> {
        let mut watch = Watch::new(console);
        let decisions = Run::open_to_read(&self.run)?.decisions(self.on.as_ref(), &mut watch)?;
        drop(watch);
        console.print(&Told {
            run: self.run.into(),
            settled: decisions.inputs.iter().filter(|one| one.settled).count(),
            decisions,
        })?;
        Ok(Status::Done)
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = &self.decisions.inputs;
        let share = |some: usize| percent(some as f64 / all.len().max(1) as f64);
        writeln!(
            f,
            "{} of {} ({}) settled: every model trained without the forgotten records decides them so, \
             as none lies farther than {} from the private weights ({}).",
            self.settled,
            count(all.len(), "input"),
            share(self.settled),
            upward(self.decisions.within),
            self.decisions.kind,
        )?;
        let agreeing = |of: &dyn Fn(&InputDecision) -> Option<u32>| {
            let known = all.iter().any(|one| of(one).is_some());
            let agree = all
                .iter()
                .filter(|one| one.settled && of(one) == Some(one.class));
            known.then(|| agree.count())
        };
        if let Some(released) = agreeing(&|one| one.released) {
            let share = share(released);
            writeln!(f, "{released} ({share}) the newest release decides so too.")?;
        }
        if let Some(original) = agreeing(&|one| one.original) {
            writeln!(
                f,
                "{original} ({}) the model decided so before any request: no deletion changed them.",
                share(original)
            )?;
        }
        let listed: Vec<&InputDecision> = match all.len() <= LISTED {
            true => all.iter().collect(),
            false => all.iter().filter(|one| !one.settled).take(LISTED).collect(),
        };
        if listed.is_empty() {
            return Ok(());
        }
        let class = |class: u32| {
            let name = self.decisions.classes.get(class as usize);
            name.cloned().unwrap_or_default()
        };
        let or_dash = |of: Option<u32>| of.map_or_else(|| "-".to_owned(), class);
        let rows = listed.iter().zip(1_u64..).map(|(one, at)| {
            [
                one.line.unwrap_or(at).to_string(),
                class(one.class),
                if one.settled { "yes" } else { "no" }.to_owned(),
                number(one.distance),
                or_dash(one.released),
                or_dash(one.original),
            ]
        });
        let head = [
            "line",
            "class",
            "settled",
            "another class at",
            "released",
            "before",
        ];
        writeln!(f, "\n{}", table(head, rows))
    }
}
