//! The objective of an outside model whose outputs are linear in its weights.

use crate::error::Error;
use crate::linearisation::{Linearisation, Targets};
use crate::objective::{Curvature, Minibatch, Objective};
use crate::outputs::{LinearOutputs, Losses, NO_TOKEN, OutputLoss, OutputTargets, sample};
use crate::precision::{narrowed, widened};
use crate::products::Products;
use crate::sampling::uniform_sample;
use rescind_curvature::{DenseRows, Preconditioner, RowPreconditioner, dot};
use rescind_data::Selection;
use rescind_network::NetworkError;

/// Damping of a preconditioner made of rows, for each unit of the penalty: it stands for what no row
/// of the sample saw.
const DAMPING: f64 = 5.0;
/// Most rows of a preconditioner, and most elements of all of them: 256 MiB.
const MOST_ROWS: usize = 1024;
const MOST_ELEMENTS: usize = 1 << 26;
/// Records to a row: a row takes a pass over one record by itself, about as long as one over this
/// many together.
const RECORDS_TO_A_ROW: usize = 8;

/// `F_S` of a model that is linear in its weights, over selected records.
pub(crate) struct LinearisedObjective<'a> {
    model: &'a dyn Linearisation,
    positions: Vec<usize>,
    targets: Targets,
    penalty: f64,
}

impl<'a> LinearisedObjective<'a> {
    /// Over the records of `on`, with this penalty around the model's centre.
    ///
    /// # Errors
    /// An empty selection; targets that are none of the loss; whatever the model meets.
    pub fn new(model: &'a dyn Linearisation, on: &Selection, penalty: f64) -> Result<Self, Error> {
        Self::of(model, on.positions().to_vec(), penalty)
    }

    fn of(
        model: &'a dyn Linearisation,
        positions: Vec<usize>,
        penalty: f64,
    ) -> Result<Self, Error> {
        if positions.is_empty() {
            return Err(Error::NoRecords);
        }
        let mut targets = model.targets(&positions)?;
        fit(&mut targets, positions.len(), model.outputs(), model.loss())?;
        Ok(Self {
            model,
            positions,
            targets,
            penalty,
        })
    }

    fn at(&self, places: &[usize]) -> Result<Self, Error> {
        let positions = places.iter().map(|&at| self.positions[at]).collect();
        Self::of(self.model, positions, self.penalty)
    }

    fn offset(&self, w: &[f64]) -> Vec<f64> {
        let pairs = w.iter().zip(self.model.centre());
        pairs.map(|(w, &c)| w - f64::from(c)).collect()
    }

    /// The outputs, binary32 or binary64.
    fn outputs_at(&self, v: &[f64], exact: bool) -> Result<Vec<f64>, Error> {
        let z = match exact {
            true => self.model.exact_forward(&self.positions, v)?,
            false => widened(&self.model.forward(&self.positions, &narrowed(v))?),
        };
        check_len(
            "outputs",
            z.len(),
            self.positions.len() * self.model.outputs(),
        )?;
        Ok(z)
    }

    /// `Jᵀ u / n + μ v`.
    fn pulled(&self, u: &[f64], v: &[f64], exact: bool) -> Result<Vec<f64>, Error> {
        let mut out = vec![0.0; v.len()];
        if exact {
            self.model.exact_transposed(&self.positions, u, &mut out)?;
        } else {
            let mut narrow = vec![0.0; v.len()];
            let u = narrowed(u);
            self.model.transposed(&self.positions, &u, &mut narrow)?;
            out = widened(&narrow);
        }
        let n = self.positions.len() as f64;
        for (out, v) in out.iter_mut().zip(v) {
            *out = *out / n + self.penalty * v;
        }
        Ok(out)
    }

    fn value_and_gradient(&self, w: &[f64], exact: bool) -> Result<(f64, Vec<f64>), Error> {
        check_len("weight vector", w.len(), self.dim())?;
        let v = self.offset(w);
        let z = self.outputs_at(&v, exact)?;
        let mut residuals = vec![0.0; z.len()];
        let loss = self.losses().residuals(&z, &mut residuals);
        let gradient = self.pulled(&residuals, &v, exact)?;
        Ok((loss + 0.5 * self.penalty * dot(&v, &v), gradient))
    }

    /// What the outputs predict at w.
    fn means(&self, w: &[f64], exact: bool) -> Result<Vec<f64>, Error> {
        let z = self.outputs_at(&self.offset(w), exact)?;
        let mut residuals = vec![0.0; z.len()];
        self.losses().residuals(&z, &mut residuals);
        Ok(self.losses().means(&residuals))
    }

    /// The curvature at these means times v.
    fn curved(&self, means: &[f64], v: &[f64], exact: bool) -> Result<Vec<f64>, Error> {
        check_len("vector", v.len(), self.dim())?;
        let dz = self.outputs_at(v, exact)?;
        self.pulled(&self.losses().curved(means, &dz), v, exact)
    }
}

/// Clips targets to what their loss says of them, and refuses those that are none.
pub(crate) fn fit(
    targets: &mut Targets,
    records: usize,
    outputs: usize,
    loss: OutputLoss,
) -> Result<(), Error> {
    let positions = match loss {
        OutputLoss::TokenCrossEntropy { positions } => Some(positions),
        _ => None,
    };
    let (found, expected) = match (&*targets, positions) {
        (Targets::Classes(labels), None) => (labels.len(), records),
        (Targets::Values(values), None) => (values.len(), records * outputs),
        (Targets::Tokens(tokens), Some(positions)) => {
            if positions == 0 || !outputs.is_multiple_of(positions) {
                return Err(Error::Setting {
                    setting: "the positions of a record",
                    found: positions.to_string(),
                    expected: "a divisor of its number of outputs",
                });
            }
            (tokens.len(), records * positions)
        }
        (_, Some(_)) => return Err(unsuitable("classes or values", "tokens")),
        (Targets::Tokens(_), None) => return Err(unsuitable("tokens", "classes or values")),
    };
    check_len("targets", found, expected)?;
    match (targets, loss) {
        (Targets::Tokens(tokens), _) => {
            let vocabulary = (outputs / positions.unwrap_or(1)) as u32;
            let known = |token: &&u32| **token < vocabulary || **token == NO_TOKEN;
            match tokens.iter().find(|token| !known(token)) {
                Some(token) => Err(Error::Setting {
                    setting: "a record's token",
                    found: token.to_string(),
                    expected: "a number below that of the model's tokens",
                }),
                None => Ok(()),
            }
        }
        (Targets::Classes(labels), _) => match labels.iter().find(|l| **l as usize >= outputs) {
            Some(label) => Err(Error::Setting {
                setting: "a record's class",
                found: label.to_string(),
                expected: "a number below that of the model's outputs",
            }),
            None => Ok(()),
        },
        (Targets::Values(values), OutputLoss::SquaredError { bound }) => {
            let bound = bound as f32;
            if let Some(value) = values.iter().find(|value| !value.is_finite()) {
                return Err(no_target(*value, "a finite number"));
            }
            values.iter_mut().for_each(|y| *y = y.clamp(-bound, bound));
            Ok(())
        }
        (Targets::Values(values), _) => match values.iter().find(|y| !(0.0..=1.0).contains(*y)) {
            Some(value) => Err(no_target(*value, "a number from 0 to 1")),
            None => Ok(()),
        },
    }
}

fn unsuitable(found: &str, expected: &'static str) -> Error {
    Error::Setting {
        setting: "the targets of this loss",
        found: found.to_owned(),
        expected,
    }
}

fn no_target(found: f32, expected: &'static str) -> Error {
    Error::Setting {
        setting: "a record's target",
        found: found.to_string(),
        expected,
    }
}

pub(crate) fn check_len(what: &'static str, found: usize, expected: usize) -> Result<(), Error> {
    match found == expected {
        true => Ok(()),
        false => Err(NetworkError::WrongLength {
            what,
            found,
            expected,
        }
        .into()),
    }
}

impl Objective for LinearisedObjective<'_> {
    fn dim(&self) -> usize {
        self.model.centre().len()
    }

    fn records(&self) -> usize {
        self.positions.len()
    }

    fn gradient(&self, w: &[f32], gradient: &mut [f32]) -> Result<f64, Error> {
        let (value, wide) = self.value_and_gradient(&widened(w), false)?;
        gradient.copy_from_slice(&narrowed(&wide));
        Ok(value)
    }

    fn exact_gradient(&self, w: &[f64], gradient: &mut [f64]) -> Result<f64, Error> {
        let (value, exact) = self.value_and_gradient(w, true)?;
        gradient.copy_from_slice(&exact);
        Ok(value)
    }

    fn curvature<'a>(
        &'a self,
        w: &'a [f32],
        _: Curvature,
    ) -> Result<Box<dyn Products + 'a>, Error> {
        Ok(Box::new(At {
            means: self.means(&widened(w), false)?,
            objective: self,
            w,
            minibatch: None,
        }))
    }

    fn sampled_curvature<'a>(
        &'a self,
        w: &'a [f32],
        _: Curvature,
        minibatch: Minibatch,
    ) -> Result<Box<dyn Products + 'a>, Error> {
        if minibatch.records == 0 {
            return Err(Error::NoRecords);
        }
        Ok(Box::new(At {
            means: self.means(&widened(w), false)?,
            objective: self,
            w,
            minibatch: Some(minibatch),
        }))
    }

    fn exact_product(
        &self,
        w: &[f64],
        _: Curvature,
        v: &[f64],
        out: &mut [f64],
    ) -> Result<(), Error> {
        out.copy_from_slice(&self.curved(&self.means(w, true)?, v, true)?);
        Ok(())
    }

    fn subset(&self, records: usize, seed: u64) -> Result<Box<dyn Objective + '_>, Error> {
        let drawn = uniform_sample(self.positions.len(), records, seed)?;
        Ok(Box::new(self.at(&drawn)?))
    }
}

impl LinearOutputs for LinearisedObjective<'_> {
    fn origin(&self) -> &[f32] {
        self.model.centre()
    }

    fn penalty(&self) -> f64 {
        self.penalty
    }

    fn losses(&self) -> Losses<'_> {
        Losses {
            loss: self.model.loss(),
            targets: match &self.targets {
                Targets::Classes(labels) => OutputTargets::Classes(labels),
                Targets::Values(values) => OutputTargets::Values(values),
                Targets::Tokens(tokens) => OutputTargets::Tokens {
                    tokens,
                    positions: tokens.len() / self.positions.len(),
                },
            },
            outputs: self.model.outputs(),
        }
    }

    fn forward(&self, v: &[f32]) -> Result<Vec<f32>, Error> {
        let z = self.model.forward(&self.positions, v)?;
        check_len(
            "outputs",
            z.len(),
            self.positions.len() * self.model.outputs(),
        )?;
        Ok(z)
    }

    fn transposed(&self, u: &[f32], out: &mut [f32]) -> Result<(), Error> {
        Ok(self.model.transposed(&self.positions, u, out)?)
    }

    fn preconditioner<'a>(
        &'a self,
        means: &[f32],
        seed: u64,
    ) -> Result<Option<Box<dyn Preconditioner<f32> + 'a>>, Error> {
        let (n, d) = (self.positions.len(), self.dim());
        let count = n
            .div_ceil(RECORDS_TO_A_ROW)
            .min(MOST_ROWS)
            .min(MOST_ELEMENTS / d.max(1));
        let sampled = sample(&self.losses(), means, &vec![1.0; n], count, seed);
        if sampled.is_empty() {
            return Ok(None);
        }
        let records: Vec<usize> = sampled
            .iter()
            .map(|row| self.positions[row.record])
            .collect();
        let cotangents: Vec<f32> = sampled
            .iter()
            .flat_map(|row| &row.cotangent)
            .copied()
            .collect();
        let mut rows = vec![0.0; records.len() * d];
        self.model.rows(&records, &cotangents, &mut rows)?;
        let rows = DenseRows::new(d, rows);
        let gram = rows.gram();
        let made = RowPreconditioner::new(rows, gram, DAMPING * self.penalty)?;
        Ok(Some(Box::new(made)))
    }
}

/// The curvature at some weights.
struct At<'a> {
    objective: &'a LinearisedObjective<'a>,
    w: &'a [f32],
    means: Vec<f64>,
    minibatch: Option<Minibatch>,
}

impl Products for At<'_> {
    fn dim(&self) -> usize {
        self.objective.dim()
    }

    fn product(&self, v: &[f32], out: &mut [f32]) -> Result<(), Error> {
        let product = self.objective.curved(&self.means, &widened(v), false)?;
        out.copy_from_slice(&narrowed(&product));
        Ok(())
    }

    fn sampled_product(
        &self,
        chain: u64,
        step: u64,
        v: &[f32],
        out: &mut [f32],
    ) -> Result<(), Error> {
        let minibatch = self.minibatch.ok_or(Error::Lacks {
            capability: "products over minibatches",
        })?;
        let drawn = minibatch.draw(chain, step, self.objective.records());
        let batch = self.objective.at(&drawn)?;
        batch
            .curvature(self.w, Curvature::GaussNewton)?
            .product(v, out)
    }
}

/// The mean loss over these records and its gradient, without any penalty: what
/// [`Model::gradient`](crate::Model::gradient) is for a model that has a [`Linearisation`].
///
/// # Errors
/// As the model's own.
pub fn linearised_gradient(
    model: &dyn Linearisation,
    w: &[f32],
    records: &[usize],
    gradient: &mut [f32],
) -> Result<f64, Error> {
    LinearisedObjective::of(model, records.to_vec(), 0.0)?.gradient(w, gradient)
}
