//! A model that computes in Python.

use crate::bytes::{Number, given, handed, positions, taken, zeros};
use crate::failure::unreadable;
use crate::linear::Linear;
use pyo3::prelude::*;
use pyo3::types::PyByteArray;
use rescind::{
    Curvature, CurvatureProducts, DoublePrecision, EvaluationSet, Failure, FixedFeatures,
    Linearisation, Measured, Model, ModelDescription, ModelError, Observer, linearised_gradient,
};
use rescind_data::Digest;

/// A Python object with these methods, whose failures arrive as they were raised:
///
/// - `gradient(precision, w, records, out) -> float` and
///   `product(precision, which, w, records, v, out)`, in the `precision` `"single"` or `"double"`,
/// - `measure(w, records) -> (records, loss, right) | None`; `records` is `None` for the test set.
///
/// Vectors are `bytearray`s; w are one in a list, out of which they are taken.
///
/// `curvature` and `double` say whether it has products and double precision; `linear()` whether its
/// outputs are linear in the weights (`linear.rs`), which then stands for all three.
pub struct PythonModel {
    object: Py<PyAny>,
    linear: Option<Linear>,
    description: ModelDescription,
    identities: Vec<Digest>,
    curvature: bool,
    double: bool,
}

impl PythonModel {
    pub fn new(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = object.py();
        let description: String = object.call_method0("description")?.extract()?;
        let description = serde_json::from_str(&description)
            .map_err(|error| unreadable(py, "the model's description", &error))?;
        let identities: Vec<[u8; 32]> = object.call_method0("identities")?.extract()?;
        Ok(Self {
            description,
            linear: Linear::said_by(object, identities.len())?,
            identities: identities.into_iter().map(Digest::from).collect(),
            curvature: object.getattr("curvature")?.extract()?,
            double: object.getattr("double")?.extract()?,
            object: object.clone().unbind(),
        })
    }

    fn gradient_of<T: Number>(
        &self,
        precision: &str,
        w: &[T],
        records: &[usize],
        gradient: &mut [T],
    ) -> Result<f64, Failure> {
        let called = Python::attach(|py| {
            let out = zeros::<T>(py, gradient.len())?;
            let arguments = (precision, handed(py, w)?, positions(py, records)?, &out);
            let loss = self.object.call_method1(py, "gradient", arguments)?;
            taken(&out, gradient)?;
            loss.extract::<f64>(py)
        });
        called.map_err(Failure::from)
    }

    fn product_of<T: Number>(
        &self,
        (precision, which): (&str, Curvature),
        w: &[T],
        records: &[usize],
        v: &[T],
        product: &mut [T],
    ) -> Result<(), Failure> {
        let which = match which {
            Curvature::Hessian => "hessian",
            Curvature::GaussNewton => "gauss-newton",
        };
        let called = Python::attach(|py| {
            let out = zeros::<T>(py, product.len())?;
            let (w, v) = (handed(py, w)?, given(py, v)?);
            let arguments = (precision, which, w, positions(py, records)?, v, &out);
            self.object.call_method1(py, "product", arguments)?;
            taken(&out, product)
        });
        called.map_err(Failure::from)
    }
}

/// What a model raised, as it was raised.
fn raised(error: ModelError) -> Failure {
    match error {
        ModelError::Model(failure) => failure,
        other => other.into(),
    }
}

impl Model for PythonModel {
    fn description(&self) -> &ModelDescription {
        &self.description
    }

    fn records(&self) -> usize {
        self.identities.len()
    }

    fn identity(&self, position: usize) -> Result<Digest, Failure> {
        Ok(self.identities[position])
    }

    fn gradient(&self, w: &[f32], records: &[usize], gradient: &mut [f32]) -> Result<f64, Failure> {
        if let Some(linear) = &self.linear {
            return linearised_gradient(linear, w, records, gradient).map_err(raised);
        }
        self.gradient_of("single", w, records, gradient)
    }

    fn linearisation(&self) -> Option<&dyn Linearisation> {
        self.linear
            .as_ref()
            .map(|linear| linear as &dyn Linearisation)
    }

    fn fixed_features(&self) -> Option<&dyn FixedFeatures> {
        let linear = self.linear.as_ref();
        let has = linear.filter(|linear| linear.features.is_some());
        has.map(|linear| linear as &dyn FixedFeatures)
    }

    fn curvature(&self) -> Option<&dyn CurvatureProducts> {
        self.curvature.then_some(self)
    }

    fn double_precision(&self) -> Option<&dyn DoublePrecision> {
        self.double.then_some(self)
    }

    fn measure(
        &self,
        w: &[f32],
        _: &[f32],
        on: EvaluationSet<'_>,
        _: &mut dyn Observer,
    ) -> Result<Option<Measured>, Failure> {
        let called = Python::attach(|py| {
            let records = match on {
                EvaluationSet::Records(selection) => Some(positions(py, selection.positions())?),
                EvaluationSet::Test => None,
            };
            let arguments = (handed(py, w)?, records);
            let measured = self.object.call_method1(py, "measure", arguments)?;
            measured.extract::<Option<(usize, f64, Option<f64>)>>(py)
        });
        let measured = called.map_err(Failure::from)?;
        Ok(measured.map(|(records, loss, accuracy)| Measured {
            records,
            loss,
            accuracy,
        }))
    }
}

impl CurvatureProducts for PythonModel {
    fn product(
        &self,
        which: Curvature,
        w: &[f32],
        records: &[usize],
        v: &[f32],
        out: &mut [f32],
    ) -> Result<(), Failure> {
        self.product_of(("single", which), w, records, v, out)
    }
}

impl DoublePrecision for PythonModel {
    fn exact_gradient(
        &self,
        w: &[f64],
        records: &[usize],
        gradient: &mut [f64],
    ) -> Result<f64, Failure> {
        self.gradient_of("double", w, records, gradient)
    }

    fn exact_product(
        &self,
        which: Curvature,
        w: &[f64],
        records: &[usize],
        v: &[f64],
        out: &mut [f64],
    ) -> Result<(), Failure> {
        self.product_of(("double", which), w, records, v, out)
    }
}

/// Fresh weights by a model's description and a seed: `bytearray` of float32.
#[pyfunction]
pub fn draw<'py>(
    py: Python<'py>,
    description: &str,
    seed: u64,
) -> PyResult<Bound<'py, PyByteArray>> {
    let description: ModelDescription = serde_json::from_str(description)
        .map_err(|error| unreadable(py, "the model's description", &error))?;
    given(py, &description.draw(seed))
}
