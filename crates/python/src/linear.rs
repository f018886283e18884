//! A model in Python whose outputs are linear in its weights.

use crate::bytes::{Number, given, positions, read, taken, zeros};
use crate::failure::unreadable;
use crate::fixed::Features;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rescind::{Failure, Linearisation, OutputLoss, Targets};

/// A Python object with `linear()`, which says `None` or `(outputs, loss, centre)`, and these, all
/// called with a precision, `"single"` or `"double"`, records, a vector, and what to write into:
/// `push` writes `J v`, `pull` writes `J' u`, `rows` writes `u_i' J_i` for each record. `targets` of
/// records gives uint32 classes or tokens for a cross-entropy of these, else float32 values. `fixed()`
/// says whether they are linear in features that no weight changes (`features.rs`).
pub struct Linear {
    pub(crate) object: Py<PyAny>,
    centre: Vec<f32>,
    outputs: usize,
    loss: OutputLoss,
    pub(crate) features: Option<Features>,
}

impl Linear {
    /// What `linear()` says: a number, JSON, and float32.
    pub fn said_by(object: &Bound<'_, PyAny>, records: usize) -> PyResult<Option<Self>> {
        let py = object.py();
        let said = object.call_method0("linear")?;
        let Some((outputs, loss, centre)) = said.extract::<Option<(usize, String, Vec<u8>)>>()?
        else {
            return Ok(None);
        };
        let loss =
            serde_json::from_str(&loss).map_err(|error| unreadable(py, "the loss", &error))?;
        Ok(Some(Self {
            object: object.clone().unbind(),
            centre: read(&centre, "the centre")?,
            outputs: outputs.max(1),
            loss,
            features: Features::said_by(object, records)?,
        }))
    }

    /// Calls `name(precision, records, given, out)`, which writes `out`.
    fn map<T: Number>(
        &self,
        (name, precision): (&str, &str),
        records: &[usize],
        v: &[T],
        out: &mut [T],
    ) -> Result<(), Failure> {
        let called = Python::attach(|py| {
            let array = zeros::<T>(py, out.len())?;
            let arguments = (precision, positions(py, records)?, given(py, v)?, &array);
            self.object.call_method1(py, name, arguments)?;
            taken(&array, out)
        });
        called.map_err(Failure::from)
    }
}

impl Linearisation for Linear {
    fn centre(&self) -> &[f32] {
        &self.centre
    }

    fn outputs(&self) -> usize {
        self.outputs
    }

    fn loss(&self) -> OutputLoss {
        self.loss
    }

    fn targets(&self, records: &[usize]) -> Result<Targets, Failure> {
        let loss = self.loss;
        let called = Python::attach(|py| {
            let arguments = (positions(py, records)?,);
            let targets = self.object.call_method1(py, "targets", arguments)?;
            let bytes = targets.cast_bound::<PyBytes>(py)?.as_bytes();
            Ok(match loss {
                OutputLoss::SoftmaxCrossEntropy => Targets::Classes(read(bytes, "the classes")?),
                OutputLoss::IndependentLabels | OutputLoss::SquaredError { .. } => {
                    Targets::Values(read(bytes, "the targets")?)
                }
                OutputLoss::TokenCrossEntropy { .. } => Targets::Tokens(read(bytes, "the tokens")?),
            })
        });
        called.map_err(|error: PyErr| Failure::from(error))
    }

    fn forward(&self, records: &[usize], v: &[f32]) -> Result<Vec<f32>, Failure> {
        let mut z = vec![0.0; records.len() * self.outputs];
        self.map(("push", "single"), records, v, &mut z)?;
        Ok(z)
    }

    fn transposed(&self, records: &[usize], u: &[f32], out: &mut [f32]) -> Result<(), Failure> {
        self.map(("pull", "single"), records, u, out)
    }

    fn exact_forward(&self, records: &[usize], v: &[f64]) -> Result<Vec<f64>, Failure> {
        let mut z = vec![0.0; records.len() * self.outputs];
        self.map(("push", "double"), records, v, &mut z)?;
        Ok(z)
    }

    fn exact_transposed(
        &self,
        records: &[usize],
        u: &[f64],
        out: &mut [f64],
    ) -> Result<(), Failure> {
        self.map(("pull", "double"), records, u, out)
    }

    fn rows(&self, records: &[usize], u: &[f32], rows: &mut [f32]) -> Result<(), Failure> {
        self.map(("rows", "single"), records, u, rows)
    }
}
