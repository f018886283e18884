//! How well a Newton step forgets, beside retraining: the experiment behind its defaults.
//!
//! `cargo run --release -p rescind --example newton_defaults -- SOURCE SEEDS REQUEST [EPOCHS]`,
//! such as `mnist:DIR 42,43,44 'random:1000?seed=0'`. A line for each seed and
//! number of curvature records, the first of them for what the default is.

use rescind::methods::MethodChoice;
use rescind::methods::newton::{NewtonReport, NewtonSettings};
use rescind::training::TrainingSettings;
use rescind::{Request, Run, RunConfig, Scaling, Sets};
use std::path::Path;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [source, seeds, request, rest @ ..] = arguments.as_slice() else {
        return Err("expected SOURCE SEEDS REQUEST [EPOCHS]".into());
    };
    let epochs = rest.first().map_or(Ok(31), |epochs| epochs.parse())?;
    let scaling = rest.get(1).map_or(Scaling::None, |_| Scaling::Fixed);
    println!(
        "seed  model                 forgotten loss, accuracy   retained loss   test accuracy   seconds"
    );
    for seed in seeds.split(',') {
        let folder = std::env::temp_dir().join(format!("rescind-{}-{seed}", std::process::id()));
        let training = TrainingSettings {
            epochs,
            seed: seed.parse()?,
            ..Default::default()
        };
        let data = source.parse()?;
        let config = RunConfig {
            data,
            training,
            scaling: scaling.clone(),
            ..Default::default()
        };
        let result = compare(&folder, config, request, seed);
        std::fs::remove_dir_all(&folder)?;
        result?;
    }
    Ok(())
}

fn compare(
    folder: &Path,
    config: RunConfig,
    request: &str,
    seed: &str,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut run = Run::create(folder, config, None, &mut ())?;
    run.train(&mut ())?;
    let newton = MethodChoice::with("newton", &NewtonSettings::default())?;
    let asked = Request::of(request.parse()?).by(newton);
    let begun = Instant::now();
    let record = run.forget(&asked, &mut ())?.record;
    let seconds = begun.elapsed().as_secs_f64();
    let reference = run.retrain(&mut ())?.seconds;
    let evaluation = run.evaluate(&mut ())?;
    let show = |name: &str, sets: &Sets, seconds: f64| {
        println!(
            "{seed:4}  {name:20}  {:14.4}, {:6.2} %   {:13.4}   {:11.2} %   {seconds:7.2}",
            sets.forgotten.loss,
            100.0 * sets.forgotten.share_right(),
            sets.retained.loss,
            100.0 * sets.test.share_right(),
        );
    };
    if let Some(original) = &evaluation.original {
        show("original", original, evaluation.training_seconds);
    }
    show("after a Newton step", &evaluation.current, seconds);
    if let Some(retrained) = &evaluation.retrained {
        show("retrained", retrained, reference);
    }
    if let Some(report) = record.method.details::<NewtonReport>() {
        println!(
            "      {}; {} after {} products, {} for the preconditioner; {:.2} s to prepare, \
             {:.2} s to solve, {:.2} s to recompute in f64",
            report.damping.explanation,
            report.ending,
            report.products,
            report.preconditioner_products,
            report.prepare_seconds,
            report.solve_seconds,
            report.check_seconds,
        );
    }
    Ok(())
}
