//! Models from outside whose outputs are linear in their weights, with every loss that has a proved
//! value at zero outputs: forgotten from by descent, against retraining by Newton's method in
//! double precision on the retained records alone.

use rescind::methods::descent::DescentReport;
use rescind::verify::{Evidence, verify_run};
use rescind::{
    Code, Failure, FixedFeatures, Linearisation, Model, ModelDescription, NO_TOKEN, OutputLoss,
    OutsideRecords, Phase, Progress, ReleaseChoice, Request, Run, RunSettings, Smoothness, Targets,
    Tensor, linearised_gradient,
};
use rescind_data::Digest;
use rescind_privacy::NoiseChoice;
use rescind_privacy::sensitivity::{GuaranteeKind, Theorem};
use std::ops::ControlFlow;

const RECORDS: usize = 90;
const INPUTS: usize = 5;
const OUTPUTS: usize = 4;
const POSITIONS: usize = 2;
const TOKENS: usize = OUTPUTS / POSITIONS;
const DIM: usize = INPUTS * OUTPUTS;
const PENALTY: f64 = 1e-2;
const GRADIENT: f64 = 1e-7;

/// `z = W x` around a centre, x made up.
struct Linear {
    description: ModelDescription,
    centre: Vec<f32>,
    loss: OutputLoss,
    /// Length of the inputs' unit.
    scale: f64,
    /// Whether its features are other than what its outputs are made of.
    lies: bool,
}

impl Linear {
    fn new(loss: OutputLoss, seed: Option<u64>) -> Self {
        let description = ModelDescription {
            kind: "made up".to_owned(),
            linearised: true,
            loss: Some(loss),
            tensors: vec![Tensor {
                name: "weight".to_owned(),
                shape: vec![OUTPUTS, INPUTS],
                fan_in: INPUTS,
                frozen: false,
            }],
            statistics: Vec::new(),
            smoothness: Smoothness::NotExamined,
            architecture: serde_json::json!({}),
        };
        Self {
            centre: match seed {
                Some(seed) => description.draw(seed),
                None => vec![0.0; DIM],
            },
            description,
            loss,
            scale: 1.0,
            lies: false,
        }
    }

    fn input(&self, record: usize, at: usize) -> f64 {
        // As single precision holds it, so that features can be told exactly.
        f64::from((self.scale * ((1.3 + at as f64) * (record as f64 + 0.7)).sin()) as f32)
    }

    fn target(&self, record: usize, output: usize) -> f64 {
        let wave = ((record * (output + 2)) as f64 * 0.37).cos();
        match self.loss {
            OutputLoss::SoftmaxCrossEntropy => f64::from(u8::from(record * 7 % 3 == output)),
            OutputLoss::IndependentLabels => f64::from(u8::from(wave > 0.0)),
            // Beyond the bound now and then.
            OutputLoss::SquaredError { .. } => 1.5 * wave,
            OutputLoss::TokenCrossEntropy { .. } => {
                let own = self.token(record, output / TOKENS) as usize;
                f64::from(u8::from(own == output % TOKENS))
            }
        }
    }

    /// Some positions do not count, and of some records none does.
    fn token(&self, record: usize, position: usize) -> u32 {
        match (record * 7 + position * record) % 3 {
            2 => NO_TOKEN,
            token => token as u32,
        }
    }

    /// One over the positions of a record that count.
    fn share(&self, record: usize) -> f64 {
        let counting = (0..POSITIONS).filter(|&at| self.token(record, at) != NO_TOKEN);
        1.0 / counting.count() as f64
    }

    fn outputs_of(&self, records: &[usize], v: &[f64]) -> Vec<f64> {
        let one = |&record: &usize| {
            let row = v.chunks(INPUTS);
            row.map(move |row| {
                row.iter()
                    .enumerate()
                    .map(|(j, w)| w * self.input(record, j))
                    .sum()
            })
        };
        records
            .iter()
            .flat_map(|record| one(record).collect::<Vec<f64>>())
            .collect()
    }

    fn pulled(&self, records: &[usize], u: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        for (&record, u) in records.iter().zip(u.chunks(OUTPUTS)) {
            for (row, u) in out.chunks_mut(INPUTS).zip(u) {
                for (j, out) in row.iter_mut().enumerate() {
                    *out += u * self.input(record, j);
                }
            }
        }
    }

    /// The residual of one record and the curvature of its loss, written out.
    fn derivatives(&self, record: usize, z: &[f64]) -> (Vec<f64>, Vec<Vec<f64>>) {
        let y: Vec<f64> = (0..OUTPUTS).map(|k| self.target(record, k)).collect();
        let diagonal = |d: &[f64]| -> Vec<Vec<f64>> {
            let row = |i: usize| {
                (0..OUTPUTS)
                    .map(|j| if i == j { d[i] } else { 0.0 })
                    .collect()
            };
            (0..OUTPUTS).map(row).collect()
        };
        match self.loss {
            OutputLoss::SoftmaxCrossEntropy => {
                let all: f64 = z.iter().map(|z| z.exp()).sum();
                let p: Vec<f64> = z.iter().map(|z| z.exp() / all).collect();
                let mut h = diagonal(&p);
                for (i, row) in h.iter_mut().enumerate() {
                    row.iter_mut().zip(&p).for_each(|(h, q)| *h -= p[i] * q);
                }
                (p.iter().zip(y).map(|(p, y)| p - y).collect(), h)
            }
            OutputLoss::IndependentLabels => {
                let p: Vec<f64> = z.iter().map(|z| 1.0 / (1.0 + (-z).exp())).collect();
                let d: Vec<f64> = p.iter().map(|p| p * (1.0 - p)).collect();
                (p.iter().zip(y).map(|(p, y)| p - y).collect(), diagonal(&d))
            }
            OutputLoss::SquaredError { bound } => {
                let r = z.iter().zip(y).map(|(z, y)| z - y.clamp(-bound, bound));
                (r.collect(), diagonal(&[1.0; OUTPUTS]))
            }
            OutputLoss::TokenCrossEntropy { .. } => {
                let (mut r, mut h) = (vec![0.0; OUTPUTS], diagonal(&[0.0; OUTPUTS]));
                for at in (0..POSITIONS).filter(|&at| self.token(record, at) != NO_TOKEN) {
                    let (a, own) = (self.share(record), TOKENS * at..TOKENS * (at + 1));
                    let all: f64 = z[own.clone()].iter().map(|z| z.exp()).sum();
                    let p = |i: usize| z[i].exp() / all;
                    for i in own.clone() {
                        r[i] = a * (p(i) - y[i]);
                        h[i][i] += a * p(i);
                        own.clone().for_each(|j| h[i][j] -= a * p(i) * p(j));
                    }
                }
                (r, h)
            }
        }
    }

    /// The minimum over these records, by Newton's method.
    fn minimum(&self, on: &[usize]) -> Vec<f64> {
        let mut v = vec![0.0; DIM];
        for _ in 0..60 {
            let mut rows: Vec<Vec<f64>> = (0..DIM)
                .map(|i| {
                    let mut row: Vec<f64> = vec![0.0; DIM + 1];
                    row[i] = PENALTY;
                    row[DIM] = PENALTY * v[i];
                    row
                })
                .collect();
            for (&record, z) in on.iter().zip(self.outputs_of(on, &v).chunks(OUTPUTS)) {
                let (r, h) = self.derivatives(record, z);
                let x = |j: usize| self.input(record, j % INPUTS);
                for (i, row) in rows.iter_mut().enumerate() {
                    row[DIM] += r[i / INPUTS] * x(i) / on.len() as f64;
                    for (j, entry) in row[..DIM].iter_mut().enumerate() {
                        *entry += h[i / INPUTS][j / INPUTS] * x(i) * x(j) / on.len() as f64;
                    }
                }
            }
            for i in 0..DIM {
                let pivot = rows[i].clone();
                for (_, row) in rows.iter_mut().enumerate().filter(|(j, _)| *j != i) {
                    let share = row[i] / pivot[i];
                    row.iter_mut()
                        .zip(&pivot)
                        .for_each(|(a, b)| *a -= share * b);
                }
            }
            for (i, v) in v.iter_mut().enumerate() {
                *v -= rows[i][DIM] / rows[i][i];
            }
        }
        v.iter()
            .zip(&self.centre)
            .map(|(v, &c)| v + f64::from(c))
            .collect()
    }
}

impl Model for Linear {
    fn description(&self) -> &ModelDescription {
        &self.description
    }

    fn records(&self) -> usize {
        RECORDS
    }

    fn identity(&self, position: usize) -> Result<Digest, Failure> {
        Ok(Digest::from(
            *blake3::hash(&position.to_le_bytes()).as_bytes(),
        ))
    }

    fn gradient(&self, w: &[f32], records: &[usize], gradient: &mut [f32]) -> Result<f64, Failure> {
        Ok(linearised_gradient(self, w, records, gradient)?)
    }

    fn linearisation(&self) -> Option<&dyn Linearisation> {
        Some(self)
    }

    fn fixed_features(&self) -> Option<&dyn FixedFeatures> {
        Some(self)
    }
}

impl FixedFeatures for Linear {
    fn outputs(&self) -> usize {
        OUTPUTS
    }

    fn width(&self) -> usize {
        INPUTS
    }

    fn loss(&self) -> OutputLoss {
        self.loss
    }

    fn places(&self) -> Vec<usize> {
        (0..DIM).collect()
    }

    fn features(&self, records: &[usize]) -> Result<Vec<f32>, Failure> {
        let share = if self.lies { 0.5 } else { 1.0 };
        let of = |&record: &usize| (0..INPUTS).map(move |at| share * self.input(record, at));
        Ok(records.iter().flat_map(of).map(|x| x as f32).collect())
    }

    fn targets(&self, records: &[usize]) -> Result<Targets, Failure> {
        Linearisation::targets(self, records)
    }
}

fn wide(v: &[f32]) -> Vec<f64> {
    v.iter().map(|&v| f64::from(v)).collect()
}

impl Linearisation for Linear {
    fn centre(&self) -> &[f32] {
        &self.centre
    }

    fn outputs(&self) -> usize {
        OUTPUTS
    }

    fn loss(&self) -> OutputLoss {
        self.loss
    }

    fn targets(&self, records: &[usize]) -> Result<Targets, Failure> {
        let of = |&record: &usize| (0..OUTPUTS).map(move |k| self.target(record, k));
        Ok(match self.loss {
            OutputLoss::SoftmaxCrossEntropy => {
                Targets::Classes(records.iter().map(|r| (r * 7 % 3) as u32).collect())
            }
            OutputLoss::TokenCrossEntropy { .. } => {
                let of = |&record: &usize| (0..POSITIONS).map(move |at| self.token(record, at));
                Targets::Tokens(records.iter().flat_map(of).collect())
            }
            _ => Targets::Values(records.iter().flat_map(of).map(|y| y as f32).collect()),
        })
    }

    fn forward(&self, records: &[usize], v: &[f32]) -> Result<Vec<f32>, Failure> {
        let z = self.outputs_of(records, &wide(v));
        Ok(z.into_iter().map(|z| z as f32).collect())
    }

    fn transposed(&self, records: &[usize], u: &[f32], out: &mut [f32]) -> Result<(), Failure> {
        let mut exact = vec![0.0; DIM];
        self.pulled(records, &wide(u), &mut exact);
        out.iter_mut()
            .zip(exact)
            .for_each(|(out, e)| *out = e as f32);
        Ok(())
    }

    fn exact_forward(&self, records: &[usize], v: &[f64]) -> Result<Vec<f64>, Failure> {
        Ok(self.outputs_of(records, v))
    }

    fn exact_transposed(
        &self,
        records: &[usize],
        u: &[f64],
        out: &mut [f64],
    ) -> Result<(), Failure> {
        self.pulled(records, u, out);
        Ok(())
    }
}

const LOSSES: [OutputLoss; 4] = [
    OutputLoss::SoftmaxCrossEntropy,
    OutputLoss::IndependentLabels,
    OutputLoss::SquaredError { bound: 1.25 },
    OutputLoss::TokenCrossEntropy {
        positions: POSITIONS,
    },
];

fn settings() -> RunSettings {
    let mut settings = RunSettings::default();
    settings.training.penalty = PENALTY;
    settings.training.until_gradient = Some(GRADIENT);
    settings.training.seed = 3;
    settings.training.early_stopping = None;
    settings
}

fn distance(w: &[f32], to: &[f64]) -> f64 {
    let squares = w.iter().zip(to).map(|(&w, t)| (f64::from(w) - t).powi(2));
    squares.sum::<f64>().sqrt()
}

#[test]
fn what_is_left_is_as_near_retraining_as_proved_for_every_loss() {
    let noise = NoiseChoice::Promise {
        epsilon: 1.0,
        delta: 1e-5,
    };
    for loss in LOSSES {
        for seed in [None, Some(3)] {
            let folder = tempfile::tempdir().unwrap();
            let model = Box::new(Linear::new(loss, seed));
            let records = OutsideRecords::default();
            let mut run =
                Run::create_outside(folder.path(), model, &records, settings(), None).unwrap();
            run.train(&mut ()).unwrap();
            let model = Linear::new(loss, seed);
            let all: Vec<usize> = (0..RECORDS).collect();
            let private = |run: &Run| run.private_weights().unwrap().parameters.clone();
            // Rounding of the weights to binary32 is of size 1e-7.
            let proved = 2.0 * GRADIENT / PENALTY;
            assert!(
                distance(&private(&run), &model.minimum(&all)) < proved,
                "{loss:?}"
            );
            let radius = f64::sqrt(2.0 * loss.at_zero(OUTPUTS) / PENALTY);
            assert!(run.ball().radius() >= radius && run.ball().radius() < 1.01 * radius);

            let request =
                Request::of("0-11,40".parse().unwrap()).released(ReleaseChoice::new(noise));
            let answer = run.forget(&request, &mut ()).unwrap();
            let retained: Vec<usize> = (12..RECORDS).filter(|i| *i != 40).collect();
            let optimum = model.minimum(&retained);
            let (left, moved) = (
                distance(&private(&run), &optimum),
                distance(&private(&run), &model.minimum(&all)),
            );
            assert!(
                left < proved && moved > 100.0 * proved,
                "{loss:?} {left:e} {moved:e}"
            );

            let release = answer.release.unwrap();
            let guarantee = &release.certificate.guarantee;
            assert_eq!(guarantee.binding, Theorem::StronglyConvex);
            // Nobody vouches for the model's code.
            assert_eq!(guarantee.kind, GuaranteeKind::Assumed);
            let bound = release.certificate.bounds[0].value;
            assert!((bound / proved - 1.0).abs() < 1e-9);
            let bytes = std::fs::read(release.folder.join("certificate.json")).unwrap();
            drop(run);
            let report = verify_run(&bytes, folder.path(), Evidence::default()).unwrap();
            assert!(report.holds(), "{report}");
        }
    }
}

#[test]
fn somebody_who_vouches_makes_it_declared() {
    let folder = tempfile::tempdir().unwrap();
    let mut named = settings();
    named.declared_by = Some("the data office".to_owned());
    let model = Box::new(Linear::new(LOSSES[1], None));
    let records = OutsideRecords::default();
    let mut run = Run::create_outside(folder.path(), model, &records, named, None).unwrap();
    run.train(&mut ()).unwrap();
    let noise = NoiseChoice::Promise {
        epsilon: 0.5,
        delta: 1e-6,
    };
    let request = Request::of("7".parse().unwrap()).released(ReleaseChoice::new(noise));
    let release = run.forget(&request, &mut ()).unwrap().release.unwrap();
    assert_eq!(release.certificate.guarantee.kind, GuaranteeKind::Declared);
}

#[test]
fn what_would_prove_nothing_is_refused() {
    let refused = |model: Linear, settings: RunSettings, centre: Option<Vec<f32>>| {
        let folder = tempfile::tempdir().unwrap();
        let records = OutsideRecords::default();
        let made = Run::create_outside(folder.path(), Box::new(model), &records, settings, centre);
        (
            made.err().unwrap(),
            std::fs::read_dir(folder.path()).unwrap().count(),
        )
    };
    let plain = || Linear::new(LOSSES[0], Some(3));
    let mut free = settings();
    free.training.penalty = 0.0;
    let mut endless = settings();
    endless.training.until_gradient = Some(1e-13);
    let mut other_seed = settings();
    other_seed.training.seed = 4;
    let undescribed = Linear {
        description: ModelDescription {
            linearised: false,
            ..plain().description
        },
        ..plain()
    };
    let mut frozen = plain();
    frozen.description.tensors[0].frozen = true;
    let mut named = settings();
    named.declared_by = Some("somebody".to_owned());
    for (model, settings, centre, word) in [
        (plain(), free, None, "penalty"),
        (plain(), endless, None, "1e-10"),
        (plain(), other_seed, None, "linearised at"),
        (undescribed, settings(), None, "does not say so"),
        (frozen, settings(), None, "said to be frozen"),
        (plain(), named, Some(vec![0.5; DIM]), "linearised at"),
    ] {
        let (error, files) = refused(model, settings, centre);
        assert!(error.to_string().contains(word), "{error}");
        assert_eq!(error.code(), Code::NotProvable);
        assert_eq!(files, 0, "{error}");
    }
}

#[test]
fn a_run_is_not_opened_around_another_point() {
    let folder = tempfile::tempdir().unwrap();
    let records = OutsideRecords::default();
    let model = Box::new(Linear::new(LOSSES[0], Some(3)));
    drop(Run::create_outside(folder.path(), model, &records, settings(), None).unwrap());
    let mut moved = Linear::new(LOSSES[0], Some(3));
    moved.centre[2] += 1e-3;
    let refused = Run::open_outside(folder.path(), Box::new(moved), &records);
    assert_eq!(refused.err().unwrap().code(), Code::OtherModel);
    let same = Box::new(Linear::new(LOSSES[0], Some(3)));
    Run::open_outside(folder.path(), same, &records).unwrap();
}

#[test]
fn a_gradient_that_rounding_may_have_made_small_is_not_taken_for_small() {
    for (scale, penalty) in [(1.07e6, 1.9e7), (1e7, 1e9), (3.86e5, 1.75e5)] {
        let folder = tempfile::tempdir().unwrap();
        let mut model = Linear::new(LOSSES[0], None);
        model.scale = scale;
        let mut settings = settings();
        settings.training.penalty = penalty;
        settings.training.until_gradient = Some(1.5e-10);
        let records = OutsideRecords::default();
        let model = Box::new(model);
        let mut run = Run::create_outside(folder.path(), model, &records, settings, None).unwrap();
        let stuck = run.train(&mut ()).err().unwrap();
        assert_eq!(stuck.code(), Code::GradientStuck, "{stuck}");
    }
}

/// Training under squared error begins where its features' normal equations lead, and ends at the
/// minimum of its outputs even where these are no such features.
#[test]
fn training_ends_at_the_minimum_whatever_its_features_are_said_to_be() {
    for loss in LOSSES {
        let quadratic = matches!(loss, OutputLoss::SquaredError { .. });
        for lies in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let records = OutsideRecords::default();
            let model = Box::new(Linear {
                lies,
                ..Linear::new(loss, Some(3))
            });
            let made = Run::create_outside(folder.path(), model, &records, settings(), None);
            let mut run = made.unwrap();
            let mut summed = 0;
            let mut watch = |progress: &Progress| {
                if progress.phase == Phase::Precondition {
                    summed = progress.done;
                }
                ControlFlow::Continue(())
            };
            run.train(&mut watch).unwrap();
            let minimum = Linear::new(loss, Some(3)).minimum(run.retained().positions());
            let left = distance(&run.private_weights().unwrap().parameters, &minimum);
            assert!(left < 2.0 * GRADIENT / PENALTY, "{loss:?} {left:e}");
            let all = run.retained().len() as u64;
            assert_eq!(summed, if quadratic { all } else { 0 }, "{loss:?}");
        }
    }
}

#[test]
fn requests_are_answered_from_its_own_features_for_every_loss_but_sequences() {
    for loss in LOSSES {
        let folder = tempfile::tempdir().unwrap();
        let records = OutsideRecords::default();
        let made = |lies| {
            let model = Linear::new(loss, Some(3));
            Box::new(Linear { lies, ..model })
        };
        let mut run =
            Run::create_outside(folder.path(), made(false), &records, settings(), None).unwrap();
        run.train(&mut ()).unwrap();
        drop(run);
        let mut run = Run::open_outside(folder.path(), made(true), &records).unwrap();
        let lie = run.refresh(&mut ()).unwrap_err();
        assert_eq!(lie.code(), Code::NotPrepared, "{lie}");
        drop(run);
        let mut run = Run::open_outside(folder.path(), made(false), &records).unwrap();
        if let OutputLoss::TokenCrossEntropy { .. } = loss {
            assert_eq!(run.refresh(&mut ()).unwrap_err().code(), Code::NotPrepared);
            continue;
        }
        run.refresh(&mut ()).unwrap();
        let mut retained: Vec<usize> = (0..RECORDS).collect();
        for request in ["3", "11,40", "0-2,60-63"] {
            let answer = run.forget(&Request::of(request.parse().unwrap()), &mut ());
            let record = answer.unwrap().record;
            let report: DescentReport = record.method.details().unwrap();
            assert!(report.prepared, "{loss:?}");
            retained.retain(|&at| !record.forgotten.contains(at));
            let model = Linear::new(loss, Some(3));
            let left = distance(
                &run.private_weights().unwrap().parameters,
                &model.minimum(&retained),
            );
            assert!(left < 2.0 * GRADIENT / PENALTY, "{loss:?} {left:e}");
        }
    }
}
