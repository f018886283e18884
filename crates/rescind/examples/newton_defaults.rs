//! How well a Newton step forgets, over settings: the experiment behind the defaults.
//!
//! `cargo run --release -p rescind --example newton_defaults -- DATA SEEDS FORGET_SEED PENALTY`
use rescind::evaluation::{distance, measure};
use rescind::methods::newton::{self, *};
use rescind::training::*;
use rescind::*;
use rescind_curvature::Stopping;
use rescind_data::*;
use rescind_network::{Activation, Network, zoo};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let source: DataSource = arguments[0].parse()?;
    let seeds: Vec<u64> = arguments[1]
        .split(',')
        .map(|s| s.parse().unwrap())
        .collect();
    let forget_seed: u64 = arguments[2].parse()?;
    let penalty: f64 = arguments[3].parse()?;
    let t = Instant::now();
    let mut data = load(&source)?;
    println!("load {:.2}", t.elapsed().as_secs_f64());
    let t = Instant::now();
    let manifest = Manifest::new(&data.train, "x")?;
    println!("manifest {:.2}", t.elapsed().as_secs_f64());
    let count: usize = arguments.get(5).map_or(1000, |n| n.parse().unwrap());
    if arguments.get(6).is_none_or(|s| s == "fixed") {
        let s = Standardisation::fixed(&source, &data.train).unwrap();
        s.apply(&mut data.train)?;
        s.apply(&mut data.test)?;
    }
    let network = Network::new(zoo::mlp(
        data.train.input_shape(),
        &[32, 32],
        10,
        Activation::Relu,
        zoo::Norm::None,
    )?)?;
    let ball = Ball::new(20.0, None)?;
    for seed in seeds {
        let all = Selection::all(data.train.len());
        let split = train_validation(&all, 0.1, seed)?;
        let request = RecordRequest::Random {
            count,
            seed: forget_seed,
        };
        let forget = request.resolve(&manifest, &data.train, &split.train)?;
        let retain = split.train.difference(&forget)?;
        let settings = TrainingSettings {
            epochs: std::env::var("EPOCHS").map_or(31, |e| e.parse().unwrap()),
            batch: std::env::var("BATCH").map_or(128, |e| e.parse().unwrap()),
            seed,
            penalty,
            ..Default::default()
        };
        let none = Selection::none(data.train.len());
        let mut model = NetworkModel::new(&network);
        model.penalty = penalty;
        let train = |on: &Selection| -> Result<TrainingState, Error> {
            let t = Instant::now();
            let trainer = Trainer {
                model: model.clone(),
                dataset: &data.train,
                train: on,
                validation: &none,
                settings: &settings,
                ball: &ball,
            };
            let mut state = trainer.start()?;
            trainer.run(&mut state, &mut |_| Ok(()), &mut ())?;
            println!(
                "trained in {:.2} s, {:?}",
                t.elapsed().as_secs_f64(),
                state.progress.history.last()
            );
            Ok(state)
        };
        let original = train(&split.train)?.weights.parameters;
        let retrained = train(&retain)?.weights.parameters;
        let test = Selection::all(data.test.len());
        let show = |name: &str, w: &[f32]| {
            let u = measure(&model, w, &data.train, &forget, &mut ()).unwrap();
            let r = measure(&model, w, &data.train, &retain, &mut ()).unwrap();
            let t = measure(&model, w, &data.test, &test, &mut ()).unwrap();
            println!(
                "seed {seed} {name:40} forgotten {:.4} {:6.2}%  retained {:.4} {:6.2}%  test {:.4} {:6.2}%  to original {:.3} to retrained {:.3}",
                u.loss,
                100.0 * u.accuracy,
                r.loss,
                100.0 * r.accuracy,
                t.loss,
                100.0 * t.accuracy,
                distance(w, &original),
                distance(w, &retrained)
            );
        };
        show("original", &original);
        show("retrained", &retrained);
        let f_r = NetworkObjective::new(&model, &data.train, &retain)?;
        let f_u = NetworkObjective::new(&model, &data.train, &forget)?;
        for spec in arguments[4].split(';') {
            let field: Vec<&str> = spec.split(',').collect();
            let value: f64 = field[0].parse()?;
            let settings = NewtonSettings {
                damping: Damping::Given { value },
                solver: SolverChoice::Cg {
                    stopping: Stopping {
                        relative_tolerance: field[1].parse()?,
                        max_products: field[2].parse()?,
                    },
                },
                subsample: field[3].parse().ok(),
                preconditioning: match field.get(4) {
                    Some(r) if *r != "-" => Preconditioning::Nystrom {
                        rank: r.parse()?,
                        records: field[5].parse().ok(),
                    },
                    _ => Preconditioning::None,
                },
                ..Default::default()
            };
            let task = NewtonTask {
                weights: &original,
                retain: &f_r,
                forget: &f_u,
                ball: &ball,
                proved_gradient_bound: None,
                kept: None,
            };
            let out = newton::step(&task, &settings, &mut ())?;
            show(spec, &out.weights);
            let r = &out.report;
            println!(
                "    {} after {} products, residual {:.3}, step {:.3}, pre {:.2} s, solve {:.2} s, check {:.2} s",
                r.ending,
                r.products,
                r.residual / r.right_hand_side,
                r.step_norm,
                r.prepare_seconds,
                r.solve_seconds,
                r.check_seconds
            );
        }
    }
    Ok(())
}
