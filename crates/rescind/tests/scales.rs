//! A request at the defaults keeps the fit to the records that stay, whatever the size of inputs, or
//! is refused.

mod common;

use common::trained;
use rescind::methods::MethodChoice;
use rescind::methods::newton::{NewtonReport, NewtonSettings};
use rescind::training::TrainingSettings;
use rescind::{
    Code, EvaluationSet, ModelChoice, Parameterisation, Request, Run, RunConfig, Scaling,
};
use rescind_network::Loss;
use std::path::Path;

/// The digits times `scale`, of which this share is trained on.
fn config(scale: f32, share: f64) -> RunConfig {
    RunConfig {
        scaling: Scaling::Supplied {
            mean: vec![0.0],
            std: vec![1.0 / scale],
        },
        declared_by: Some("the test".to_owned()),
        training: TrainingSettings {
            validation: 1.0 - share,
            epochs: 10,
            ..TrainingSettings::default()
        },
        ..RunConfig::default()
    }
}

fn convex(scale: f32, loss: Loss) -> RunConfig {
    let config = config(scale, 0.3);
    RunConfig {
        model: ModelChoice::Logistic,
        parameterisation: Parameterisation::Tangent,
        loss,
        training: TrainingSettings {
            penalty: 1e-4,
            until_gradient: Some(1e-7),
            ..config.training
        },
        ..config
    }
}

/// Forgets this share; the mean loss on the records that stay before and after, or why not.
fn change(run: &mut Run, share: f64, method: MethodChoice) -> Result<(f64, f64), Code> {
    let count = (share * run.retained().len() as f64).ceil() as usize;
    let before = run.private_weights().unwrap().clone();
    let request = Request::of(format!("random:{count}").parse().unwrap()).by(method);
    run.forget(&request, &mut ())
        .map_err(|error| error.code())?;
    let (after, stay) = (
        run.private_weights().unwrap().clone(),
        run.retained().clone(),
    );
    let on = |weights: &rescind_network::Weights<f32>| {
        let (w, statistics) = (&weights.parameters, &weights.statistics);
        let measured = run
            .model()
            .measure(w, statistics, EvaluationSet::Records(&stay), &mut ());
        measured.unwrap().unwrap().loss
    };
    Ok((on(&before), on(&after)))
}

/// By how much of itself and a tenth of a nat a loss grew.
fn growth((before, after): (f64, f64)) -> f64 {
    (after - before) / (before + 0.1)
}

fn fork(run: &Run, folder: &Path) -> Run {
    run.fork(folder).unwrap()
}

#[test]
#[ignore = "slow: trains thirteen networks"]
fn a_newton_step_keeps_the_fit_to_the_records_that_stay() {
    let folder = tempfile::tempdir().unwrap();
    let (mut lost, mut kept) = (0, 0);
    for (at, scale) in [1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0, 1e3]
        .into_iter()
        .enumerate()
    {
        for (n, share) in [1.0, 0.1].into_iter().enumerate() {
            let root = folder.path().join(format!("{at}-{n}"));
            let run = trained(&root, config(scale, share));
            for (again, forgotten) in [1e-4, 0.05, 0.45].into_iter().enumerate() {
                let place = |what| folder.path().join(format!("{at}-{n}-{again}-{what}"));
                let found = change(
                    &mut fork(&run, &place("guarded")),
                    forgotten,
                    MethodChoice::named("newton"),
                );
                // Half the share of those that went, and never more than a tenth.
                let most = (0.5 * forgotten / (1.0 - forgotten)).clamp(1e-2, 0.1);
                match found {
                    Ok(losses) => assert!(
                        growth(losses) < 1.01 * most,
                        "inputs times {scale}, {share} of them, {forgotten} forgotten: {losses:?}"
                    ),
                    Err(code) => assert_eq!(code, Code::FitLost),
                }
                kept += usize::from(found.is_ok());
                // What nobody looks after does not.
                let anything = NewtonSettings {
                    loss_growth: None,
                    ..NewtonSettings::default()
                };
                let anything = MethodChoice::with("newton", &anything).unwrap();
                let loose = change(&mut fork(&run, &place("loose")), forgotten, anything);
                lost += usize::from(loose.is_ok_and(|losses| growth(losses) > 2.0 * most));
            }
        }
    }
    assert!(kept > 35 && lost > 5, "{kept} kept, {lost} lost without");
}

#[test]
#[ignore = "slow: trains fourteen models"]
fn a_descent_keeps_the_fit_to_the_records_that_stay() {
    let folder = tempfile::tempdir().unwrap();
    let mut kept = 0;
    for (at, scale) in [1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0, 1e3]
        .into_iter()
        .enumerate()
    {
        for (n, loss) in [Loss::SoftmaxCrossEntropy, Loss::SquaredError]
            .into_iter()
            .enumerate()
        {
            let root = folder.path().join(format!("{at}-{n}"));
            let mut run = Run::create(&root, convex(scale, loss), None, &mut ()).unwrap();
            if let Err(error) = run.train(&mut ()) {
                assert!(scale > 5.0, "{scale}: {error}");
                // Of curvatures 1e12 apart not even a preconditioner can be factored.
                assert!([Code::GradientStuck, Code::Solver].contains(&error.code()));
                continue;
            }
            for share in [1e-4, 0.05, 0.45] {
                let mut run = fork(&run, &root.with_extension(share.to_string()));
                match change(&mut run, share, MethodChoice::named("descent")) {
                    Ok(losses) => assert!(growth(losses) < 2e-2, "{scale} {share}: {losses:?}"),
                    Err(code) => assert_eq!(code, Code::GradientStuck, "{scale}"),
                }
                kept += 1;
            }
        }
    }
    assert!(kept > 20, "{kept}");
}

#[test]
fn a_damping_that_was_given_is_not_raised_and_one_that_was_chosen_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = trained(&folder.path().join("run"), config(100.0, 0.3));
    let given = NewtonSettings {
        damping: rescind::methods::newton::Damping::Given { value: 1e-4 },
        ..NewtonSettings::default()
    };
    let given = MethodChoice::with("newton", &given).unwrap();
    let before = run.retained().len();
    assert_eq!(change(&mut run, 0.4, given).unwrap_err(), Code::FitLost);
    assert_eq!(run.retained().len(), before);
    change(&mut run, 0.4, MethodChoice::named("newton")).unwrap();
    let answer = run.answer(1).unwrap().unwrap();
    let report: NewtonReport = answer.method.details().unwrap();
    assert!(
        report
            .damping
            .explanation
            .contains("the step would have taken the loss")
    );
    assert!(report.damping.explanation.contains("was taken"));
    // Neither is what was found out about the records published.
    assert_eq!(
        answer.method.settings["damping"],
        serde_json::json!({"kind": "sampling", "scale": 0.02})
    );
}

#[test]
fn most_of_the_records_are_better_forgotten_by_training_afresh() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = trained(&folder.path().join("run"), config(1.0, 0.2));
    let found = change(&mut run, 0.6, MethodChoice::named("newton"));
    assert_eq!(found.unwrap_err(), Code::MostRecordsGo);
    let asked = rescind::plan::PlanRequest {
        records: vec![
            format!("random:{}", run.retained().len() * 2 / 3)
                .parse()
                .unwrap(),
        ],
        epsilon: 1.0,
        delta: 1e-5,
    };
    // Where nothing is said the run trains afresh, and says why.
    let open = rescind::Request::of(asked.records[0].clone());
    let mut other = trained(&folder.path().join("other"), config(1.0, 0.2));
    let answer = other.forget(&open, &mut ()).unwrap().record.method;
    assert_eq!(answer.method, "retrain");
    let why = answer.explanation.unwrap();
    assert!(why.contains("retrain and not newton"), "{why}");

    let plan = run.plan(&asked, &mut ()).unwrap();
    let newton = plan.methods.iter().find(|method| method.method == "newton");
    let why = newton.unwrap().refused.clone().unwrap();
    assert!(why.contains("training afresh"), "{why}");
    assert!(
        plan.recommendation.contains("retrain"),
        "{}",
        plan.recommendation
    );
    change(&mut run, 0.6, MethodChoice::named("retrain")).unwrap();
}
