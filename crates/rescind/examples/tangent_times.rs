//! Training a tangent model, forgetting some of its records and training again without them, timed:
//! `cargo run --release -p rescind --example tangent_times -- mnist:DIR WIDTHS ACTIVATION MU G
//! FORGET`. A file that describes a network may stand for the widths of an MLP.

use rescind::descent::{ConvexSettings, Minimiser};
use rescind::{ModelError, NetworkModel, TangentObjective};
use rescind_data::{DataSource, Selection, Standardisation, load};
use rescind_network::{Network, zoo};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.len() != 6 {
        return Err("six arguments, as the first lines of this file say".into());
    }
    let source: DataSource = args[0].parse()?;
    let mut data = load(&source, None)?;
    if let Some(customary) = Standardisation::fixed(&source, &data.train) {
        customary.apply(&mut data.train)?;
        customary.apply(&mut data.test)?;
    }
    let (mu, bound): (f64, f64) = (args[3].parse()?, args[4].parse()?);
    let forget: usize = args[5].parse()?;
    let description = match args[1].ends_with(".json") {
        true => serde_json::from_str(&std::fs::read_to_string(&args[1])?)?,
        false => {
            let widths = args[1].split(',').map(str::parse);
            zoo::mlp(
                data.train.input_shape(),
                &widths.collect::<Result<Vec<usize>, _>>()?,
                data.train.class_names().len(),
                args[2].parse()?,
                zoo::Norm::None,
            )?
        }
    };
    let network = Network::new(description)?;
    let centre: Vec<f32> = network.initialise(42);
    let mut model = NetworkModel::new(&network);
    model.penalty = mu;
    model.linearised = true;
    model.centre = Some(centre.clone().into());
    println!(
        "d = {}, n = {}",
        network.parameter_count(),
        data.train.len()
    );
    let wide: Vec<f64> = centre.iter().map(|&c| f64::from(c)).collect();
    let settings = ConvexSettings::new(mu, bound);

    let all = Selection::all(data.train.len());
    let test = Selection::all(data.test.len());
    let gone = Selection::new(data.train.len(), (0..forget).collect())?;
    let rest = all.difference(&gone)?;
    let accuracy = |w: &[f64]| {
        let w: Vec<f32> = w.iter().map(|&w| w as f32).collect();
        rescind::evaluation::measure(&model, &w, &data.test, &test, &mut ()).unwrap()
    };
    let run = |mut at: Minimiser<'_>, began: Instant| -> Result<Vec<f64>, ModelError> {
        println!(
            "{:8.2} s  |g| {:.3e} F {:?}",
            began.elapsed().as_secs_f64(),
            at.gradient_norm(),
            at.loss()
        );
        let mut paused = 0.0;
        while !at.has_arrived() {
            at.step(&mut ())?;
            let t = began.elapsed().as_secs_f64() - paused;
            let b = Instant::now();
            let m = accuracy(at.weights());
            paused += b.elapsed().as_secs_f64();
            println!(
                "{t:8.2} s  |g| {:.3e} F {:.6} test {:.4} {:?}",
                at.gradient_norm(),
                at.loss().unwrap(),
                m.share_right(),
                at.effort()
            );
        }
        Ok(at.into_weights())
    };
    println!("train on all");
    let began = Instant::now();
    let objective = TangentObjective::new(&model, &data.train, &all)?;
    let at = Minimiser::start(&objective, wide.clone(), settings)?;
    let w = run(at, began)?;
    drop(objective);
    println!("forget {forget}");
    let began = Instant::now();
    let objective = TangentObjective::new(&model, &data.train, &rest)?;
    let going = TangentObjective::new(&model, &data.train, &gone)?;
    let mut g = vec![0.0; w.len()];
    rescind::Objective::exact_gradient(&going, &w, &mut g)?;
    let share = -(gone.len() as f64) / rest.len() as f64;
    g.iter_mut().for_each(|g| *g *= share);
    let at = Minimiser::start_with(&objective, w, g, settings)?;
    let w = run(at, began)?;
    println!("retrain");
    let began = Instant::now();
    let objective = TangentObjective::new(&model, &data.train, &rest)?;
    let at = Minimiser::start(&objective, wide.clone(), settings)?;
    let again = run(at, began)?;
    let apart: f64 = w
        .iter()
        .zip(&again)
        .map(|(a, b)| (a - b) * (a - b))
        .sum::<f64>()
        .sqrt();
    let v: f64 = w
        .iter()
        .zip(&wide)
        .map(|(a, b)| (a - b) * (a - b))
        .sum::<f64>()
        .sqrt();
    println!(
        "apart {apart:.3e}, bound {:.3e}, |v| {v:.3}",
        2.0 * bound / mu
    );
    Ok(())
}
