//! What noisy fine-tuning costs beside retraining, over steps and radii: the experiment behind
//! `docs/noisy-fine-tuning.md`.
//!
//! `cargo run --release -p rescind --example noisy_fine_tuning -- SOURCE REQUEST EPOCHS SEEDS
//! OUT`, such as `mnist:DIR 'random:1000?seed=0' 30 1 docs/noisy-fine-tuning`: tables on
//! standard output, `OUT.csv` and `OUT.svg`.
//!
//! A run is trained; copies of it forget the records with different settings and no recovery, so
//! that what comes out is what the noise left. Then the recovery is done here as the method does it
//! (training on the retained records alone, from the released weights), with the test accuracy
//! looked at after every epoch, until it is within a point of the retrained model's.

use plotters::prelude::*;
use rescind::methods::MethodChoice;
use rescind::methods::noisy::{FinetuneReport, FinetuneSettings};
use rescind::training::{Trainer, TrainingProgress, TrainingSettings, TrainingState};
use rescind::{EvaluationSet, ModelError, Phase, Progress, ReleaseChoice, Request, Run, RunConfig};
use rescind_data::Selection;
use rescind_network::Weights;
use rescind_privacy::{Delta, Epsilon, Gdp, NoiseChoice};
use std::error::Error;
use std::fmt::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

type Outcome<T> = Result<T, Box<dyn Error>>;

const DELTA: f64 = 1e-5;
/// How far below the retrained model's test accuracy counts as there.
const LESS: f64 = 0.01;

/// One setting, or retraining itself.
struct Row {
    epsilon: f64,
    steps: u64,
    /// R0; absent for the one with which all noise together is as long as fresh weights.
    radius: Option<f64>,
    used_radius: f64,
    sigma: f64,
    /// Test accuracy right after the noise.
    noised: f64,
    /// Epochs of recovery to the target, one for each seed; absent if not within the epochs.
    epochs: Vec<Option<u64>>,
    /// Noisy steps and minibatches of recovery, over those of retraining; mean.
    work: Option<f64>,
    /// Seconds likewise.
    time: Option<f64>,
}

/// Training, epoch by epoch, from some weights.
struct Course {
    /// Test accuracy after each epoch.
    accuracy: Vec<f64>,
    /// Seconds of training up to there.
    seconds: Vec<f64>,
}

struct Experiment {
    folder: PathBuf,
    retained: Selection,
    request: String,
    /// Noise seeds per setting.
    seeds: u64,
    training: TrainingSettings,
    retraining: Course,
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [source, request, epochs, seeds, out] = arguments.as_slice() else {
        return Err("expected SOURCE REQUEST EPOCHS SEEDS OUT".into());
    };
    let folder = std::env::temp_dir().join(format!("rescind-finetune-{}", std::process::id()));
    let training = TrainingSettings {
        epochs: epochs.parse()?,
        ..TrainingSettings::default()
    };
    let config = RunConfig {
        data: source.parse()?,
        training,
        ..RunConfig::default()
    };
    let seeds: u64 = seeds.parse()?;
    let result = experiment(&folder, config, request, seeds, Path::new(out));
    std::fs::remove_dir_all(&folder)?;
    result
}

fn experiment(
    folder: &Path,
    config: RunConfig,
    request: &str,
    seeds: u64,
    out: &Path,
) -> Outcome<()> {
    let training = config.training.clone();
    let mut run = Run::create(&folder.join("trained"), config, None, &mut ())?;
    run.train(&mut ())?;
    let original = run.evaluate(&mut ())?.current;
    let forget = run.resolve(&[request.parse()?])?.forget;
    let retained = run.retained().difference(&forget)?;
    let parameters = run.model().description().draw(training.seed);
    let mut experiment = Experiment {
        folder: folder.to_owned(),
        retained,
        request: request.to_owned(),
        seeds,
        training,
        retraining: Course {
            accuracy: Vec::new(),
            seconds: Vec::new(),
        },
    };
    experiment.retraining = experiment.train_from(&run, parameters, None)?;
    drop(run);
    let last = *experiment.retraining.accuracy.last().ok_or("no epoch")?;
    let target = last - LESS;
    let own = experiment.own(target)?;
    println!(
        "Original: test accuracy {:.2} %. Retrained on {} records for {} epochs: {:.2} %, in \
         {:.1} s. Target {:.2} %, which retraining itself passes after {} epochs, {:.0} % of its \
         time.\n",
        100.0 * original.test.share_right(),
        experiment.retained.len(),
        experiment.training.epochs,
        100.0 * last,
        experiment.total_seconds()?,
        100.0 * target,
        own.0,
        100.0 * own.1,
    );
    let mut rows = Vec::new();
    for radius in [None, Some(1e-3), Some(1e-2), Some(1e-1), Some(1.0)] {
        for steps in [0, 1, 10, 100, 1000] {
            rows.push(experiment.row(1.0, steps, radius, target)?);
        }
    }
    let at_one = rows.len();
    for epsilon in [10.0, 1e3, 1e4, 1e5, 1e6] {
        for steps in [0, 100] {
            rows.push(experiment.row(epsilon, steps, None, target)?);
        }
    }
    let head = "| epsilon | T | R0 | sigma | accuracy after noise | epochs of recovery | work | time |\n\
                |---|---|---|---|---|---|---|---|";
    println!("{head}\n{}", table(&rows[..at_one]));
    println!("{head}\n{}", table(&rows[at_one..]));
    std::fs::write(out.with_extension("csv"), csv(&rows))?;
    plot(&rows[..at_one], own.1, &out.with_extension("svg"))
}

impl Experiment {
    /// Trains on the retained records from these weights, until a test accuracy is reached or the
    /// epochs are over.
    fn train_from(&self, run: &Run, start: Vec<f32>, until: Option<f64>) -> Outcome<Course> {
        let settings = TrainingSettings {
            checkpoint_every: 1,
            ..self.training.clone()
        };
        let nobody = Selection::none(run.model().records());
        let trainer = Trainer {
            model: run.model(),
            train: &self.retained,
            validation: &nobody,
            settings: &settings,
            ball: run.ball(),
        };
        let mut parameters = start;
        run.ball().project(&mut parameters);
        let weights = Weights {
            parameters,
            statistics: Vec::new(),
        };
        let mut state = TrainingState {
            weights,
            exact: None,
            moments: Vec::new(),
            best: None,
            progress: TrainingProgress::default(),
        };
        trainer.reset(&mut state);
        let mut course = Course {
            accuracy: Vec::new(),
            seconds: Vec::new(),
        };
        // An observer that stops after each epoch, so that measuring takes none of its time.
        let mut each = |progress: &Progress| match (&progress.epoch, progress.phase) {
            (Some(_), Phase::Train) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        };
        while state.progress.ending.is_none() {
            if let Err(error) = trainer.run(&mut state, &mut |_| Ok(()), &mut each)
                && !matches!(error, ModelError::Interrupted { .. })
            {
                return Err(error.into());
            }
            let w = &state.weights.parameters;
            let measured = run.model().measure(w, &[], EvaluationSet::Test, &mut ());
            let measured = measured.map_err(ModelError::from)?;
            let accuracy = measured.ok_or("no test records")?.share_right();
            course.accuracy.push(accuracy);
            course.seconds.push(state.progress.seconds);
            if until.is_some_and(|until| accuracy >= until) {
                break;
            }
        }
        Ok(course)
    }

    fn total_seconds(&self) -> Outcome<f64> {
        Ok(*self.retraining.seconds.last().ok_or("no epoch")?)
    }

    /// Epochs after which retraining itself passes the target, and their share of its time.
    fn own(&self, target: f64) -> Outcome<(usize, f64)> {
        let course = &self.retraining;
        let passed = course.accuracy.iter().position(|a| *a >= target);
        let passed = passed.ok_or("retraining never passes its own target")?;
        Ok((passed + 1, course.seconds[passed] / self.total_seconds()?))
    }

    /// The R0, at most the ball's radius, with which all noise together is as long as freshly
    /// initialised weights: √q σ √d = s √d/μ, where s = 2R0, or 4R0 with steps that reach R0.
    fn beside_fresh(&self, run: &Run, epsilon: f64, steps: u64) -> Outcome<f64> {
        let mu = Gdp::for_promise(Epsilon::new(epsilon)?, Delta::new(DELTA)?)?.mu();
        let fresh = run.model().description().draw(self.training.seed);
        let length = fresh.iter().map(|w| f64::from(w * w)).sum::<f64>().sqrt();
        let moves = if steps == 0 { 2.0 } else { 4.0 };
        let found = length * mu / (moves * (fresh.len() as f64).sqrt());
        Ok(found.min(run.ball().radius()))
    }

    /// Forgets in a copy of the run, once for each seed, and recovers.
    fn row(&self, epsilon: f64, steps: u64, radius: Option<f64>, target: f64) -> Outcome<Row> {
        let per_epoch = self.retained.len().div_ceil(self.training.batch) as f64;
        let all_work = self.training.epochs as f64 * per_epoch;
        let mut row = Row {
            epsilon,
            steps,
            radius,
            used_radius: 0.0,
            sigma: 0.0,
            noised: 0.0,
            epochs: Vec::new(),
            work: Some(0.0),
            time: Some(0.0),
        };
        for seed in 1..=self.seeds {
            let copy = self.folder.join("copy");
            copy_folder(&self.folder.join("trained"), &copy)?;
            let mut run = Run::open(&copy)?;
            let settings = FinetuneSettings {
                noisy_steps: (steps > 0).then_some(steps),
                start_radius: Some(
                    radius.map_or_else(|| self.beside_fresh(&run, epsilon, steps), Ok)?,
                ),
                recovery_epochs: Some(0),
                seed,
                ..FinetuneSettings::default()
            };
            let method = match steps {
                0 => "output-perturbation",
                _ => "noisy-finetune",
            };
            let noise = NoiseChoice::Promise {
                epsilon,
                delta: DELTA,
            };
            let release = ReleaseChoice {
                accept_noise: true,
                insecure_noise_seed: Some(seed),
                ..ReleaseChoice::new(noise)
            };
            let asked = Request::of(self.request.parse()?)
                .by(MethodChoice::with(method, &settings)?)
                .released(release);
            let answer = run.forget(&asked, &mut ())?;
            let noised = answer.release.ok_or("no release")?.weights;
            let report = answer.record.method.details::<FinetuneReport>();
            let report = report.ok_or("another method")?;
            let effect = answer.record.effect.ok_or("nothing was measured")?;
            let course = self.train_from(&run, noised.parameters().to_vec(), Some(target))?;
            drop(run);
            std::fs::remove_dir_all(&copy)?;
            let passed = course.accuracy.iter().position(|a| *a >= target);
            let share = 1.0 / self.seeds as f64;
            row.used_radius = report.schedule.start_radius;
            row.sigma = report.sigma;
            row.noised += share * effect.test_after.share_right();
            let work = passed.map(|at| (steps as f64 + (at + 1) as f64 * per_epoch) / all_work);
            let total = self.total_seconds()?;
            let time = passed.map(|at| (report.noisy_seconds + course.seconds[at]) / total);
            let mean = |sum: Option<f64>, part: Option<f64>| Some(sum? + share * part?);
            (row.work, row.time) = (mean(row.work, work), mean(row.time, time));
            row.epochs.push(passed.map(|at| at as u64 + 1));
        }
        eprintln!("{}", table(std::slice::from_ref(&row)).trim_end());
        Ok(row)
    }
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(
        || "not reached".to_owned(),
        |share| format!("{:.0} %", 100.0 * share),
    )
}

fn table(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        let epochs: Vec<String> = row
            .epochs
            .iter()
            .map(|epochs| epochs.map_or_else(|| "none".to_owned(), |e| e.to_string()))
            .collect();
        let fresh = if row.radius.is_none() { "*" } else { "" };
        let _ = writeln!(
            text,
            "| {} | {} | {:.2e}{fresh} | {:.3e} | {:.1} % | {} | {} | {} |",
            row.epsilon,
            row.steps,
            row.used_radius,
            row.sigma,
            100.0 * row.noised,
            epochs.join(", "),
            percent(row.work),
            percent(row.time),
        );
    }
    text
}

fn csv(rows: &[Row]) -> String {
    let mut text = "epsilon,delta,steps,start_radius,as_long_as_fresh,sigma,accuracy_after_noise,\
                    recovery_epochs,work_share,time_share\n"
        .to_owned();
    let or_empty = |share: Option<f64>| share.map_or_else(String::new, |s| format!("{s:.4}"));
    for row in rows {
        let epochs: Vec<String> = row
            .epochs
            .iter()
            .map(|epochs| epochs.map_or_else(String::new, |e| e.to_string()))
            .collect();
        let _ = writeln!(
            text,
            "{},{DELTA},{},{:e},{},{:e},{:.4},{},{},{}",
            row.epsilon,
            row.steps,
            row.used_radius,
            row.radius.is_none(),
            row.sigma,
            row.noised,
            epochs.join(" "),
            or_empty(row.work),
            or_empty(row.time),
        );
    }
    text
}

/// Work to the target over noisy steps, a line for each radius.
fn plot(rows: &[Row], own: f64, path: &Path) -> Outcome<()> {
    let area = SVGBackend::new(path, (760, 440)).into_drawing_area();
    area.fill(&WHITE)?;
    // T on a logarithmic axis, with 0 a decade below 1.
    let place = |steps: u64| {
        if steps == 0 {
            -1.0
        } else {
            (steps as f64).log10()
        }
    };
    let mut chart = ChartBuilder::on(&area)
        .caption(
            "Work until one point below the retrained model",
            ("sans-serif", 18),
        )
        .margin(14)
        .x_label_area_size(44)
        .y_label_area_size(60)
        .build_cartesian_2d(-1.1..3.1, 0.0..1.1)?;
    chart
        .configure_mesh()
        .x_labels(5)
        .x_label_formatter(&|x: &f64| match x.round() as i64 {
            -1 => "0".to_owned(),
            decade => format!("{}", 10_f64.powi(decade as i32)),
        })
        .y_label_formatter(&|y: &f64| format!("{:.0} %", 100.0 * y))
        .x_desc("noisy steps T (epsilon = 1, delta = 1e-5)")
        .y_desc("share of retraining")
        .draw()?;
    let mut radii: Vec<Option<f64>> = Vec::new();
    for row in rows {
        if !radii.contains(&row.radius) {
            radii.push(row.radius);
        }
    }
    for (index, radius) in radii.into_iter().enumerate() {
        let colour = Palette99::pick(index).to_rgba();
        let points: Vec<(f64, f64)> = rows
            .iter()
            .filter(|row| row.radius == radius)
            .filter_map(|row| Some((place(row.steps), row.work?)))
            .collect();
        let name = radius.map_or_else(
            || "noise as long as fresh weights".to_owned(),
            |r| format!("R0 = {r}"),
        );
        chart
            .draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        chart.draw_series(
            points
                .into_iter()
                .map(|point| Circle::new(point, 3, colour.filled())),
        )?;
    }
    chart
        .draw_series(LineSeries::new(
            [(-1.1, own), (3.1, own)],
            BLACK.stroke_width(1),
        ))?
        .label("retraining, stopped there")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], BLACK));
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    area.present()?;
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> Outcome<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy_folder(&entry.path(), &target)?,
            false => drop(std::fs::copy(entry.path(), target)?),
        }
    }
    Ok(())
}
