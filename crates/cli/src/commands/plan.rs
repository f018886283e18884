use crate::console::Console;
use crate::exit::{Failure, Status};
use crate::figures::{count, number, percent, promise, seconds};
use crate::options::quantity;
use crate::options::records::{RecordOptions, not_found};
use crate::place::Place;
use crate::progress::Watch;
use crate::table::table;
use clap::Args;
use rescind::Run;
use rescind::certificate::largest_sensible_delta;
use rescind::plan::{Plan, PlanRequest};
use rescind_privacy::{Delta, Epsilon};
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;

/// Compare what each method would promise and cost for a request, before one is run
///
/// Promises are computed as a release would compute them; times and accuracies are predictions from
/// short probes on this machine and from the run's own history. Nothing is changed. What is printed
/// was computed from private weights: it is for the operator alone.
#[derive(Args)]
#[command(after_help = "Example: rescind plan run --random 50 --epsilon 1")]
pub struct Planning {
    /// Run folder
    run: PathBuf,

    #[command(flatten)]
    records: RecordOptions,

    /// Promise wanted
    #[arg(long, value_parser = quantity(Epsilon::new))]
    epsilon: Epsilon,

    /// What may come on top of the factor e^epsilon; well below one over the number of records
    #[arg(long, value_name = "PROBABILITY", value_parser = quantity(Delta::new), default_value = "1e-5")]
    delta: Delta,

    /// Seed of --random
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

#[derive(Serialize)]
struct Planned {
    run: Place,
    #[serde(flatten)]
    plan: Plan,
}

impl Planning {
    pub fn run(self, console: &Console) -> Result<Status, Failure> {
        let run = Run::open_to_read(&self.run)?;
        let asked = PlanRequest {
            records: self.records.requests(self.seed, &run)?,
            epsilon: self.epsilon.value(),
            delta: self.delta.value(),
        };
        let mut watch = Watch::new(console);
        let plan = match run.plan(&asked, &mut watch) {
            Ok(plan) => plan,
            Err(error) => return Err(not_found(&run, &asked.records, error)),
        };
        drop(watch);
        console.print(&Planned {
            run: self.run.into(),
            plan,
        })?;
        Ok(Status::Done)
    }
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = &self.plan;
        writeln!(
            f,
            "Forgetting {} of {}, epsilon = {} at delta = {}; test accuracy now {}.\n",
            count(plan.forgotten, "record"),
            plan.forgotten + plan.retained,
            promise(plan.epsilon),
            promise(plan.delta),
            percent(plan.accuracy),
        )?;
        let records = (plan.forgotten + plan.retained) as u64;
        if plan.delta > largest_sensible_delta(records) {
            writeln!(
                f,
                "Delta is large: ask for at most {}, a tenth of one over the number of records.\n",
                number(largest_sensible_delta(records)),
            )?;
        }
        let or_dash = |figure: Option<String>| figure.unwrap_or_else(|| "-".to_owned());
        let rows = plan.methods.iter().map(|method| {
            let verdict = match (&method.refused, method.kind) {
                (Some(_), _) => "refused".to_owned(),
                (None, Some(kind)) => kind.to_string(),
                (None, None) => "none needed".to_owned(),
            };
            [
                method.method.clone(),
                verdict,
                or_dash(method.sensitivity.map(number)),
                or_dash(method.sigma.map(number)),
                or_dash(method.accuracy.map(percent)),
                seconds(method.seconds),
            ]
        });
        let head = [
            "method",
            "guarantee",
            "hides a distance of",
            "sigma",
            "accuracy",
            "time",
        ];
        writeln!(f, "{}\n", table(head, rows))?;
        for method in &plan.methods {
            let refused = method.refused.as_ref();
            let refused = refused.map_or_else(String::new, |why| format!("refused, {why}; "));
            writeln!(f, "{}: {refused}{}.\n", method.method, method.how)?;
        }
        if let Some(preparing) = &plan.preparing {
            let pays = match preparing.pays_from {
                Some(requests) => format!("pays from {} on", count(requests as usize, "request")),
                None => "does not pay".to_owned(),
            };
            let passes = match preparing.exact {
                true => "",
                false => ", and now and then a pass over the records",
            };
            writeln!(
                f,
                "Preparing (rescind refresh {}) takes about {} and keeps {:.0} MiB. A request takes {} \
                 then{passes}, {} without: it {pays}.\n",
                self.run.word(),
                seconds(preparing.seconds),
                preparing.bytes as f64 / f64::from(1 << 20),
                seconds(preparing.request),
                seconds(preparing.unprepared_request),
            )?;
        }
        if let Some(other) = &plan.squared_error {
            let prepared = match plan.preparing {
                Some(_) => " Prepared, its requests are exact and take no pass over the records.",
                None => "",
            };
            writeln!(
                f,
                "Squared error in place of cross-entropy (rescind train --loss squared-error): test \
                 accuracy {} against {}, each trained on {}.{prepared}\n",
                percent(other.squared_error),
                percent(other.cross_entropy),
                count(other.records, "record"),
            )?;
        }
        writeln!(f, "Recommended: {}", plan.recommendation)
    }
}
