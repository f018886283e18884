//! Where a descent stands, followed in the outputs of a model that is linear in its weights.

use super::search::Line;
use crate::error::Error;
use crate::outputs::LinearOutputs;
use crate::precision::narrowed;
use rescind_curvature::{Preconditioner, dot};
use rescind_network::NetworkError;

/// Where a descent stands: `v = w − c`, the outputs `z = J v`, and what follows from them.
pub(super) struct Place<'a> {
    model: &'a dyn LinearOutputs,
    v: Vec<f64>,
    z: Vec<f64>,
    /// What the outputs predict, less the targets.
    residuals: Vec<f64>,
    /// Their mean loss, without the penalty.
    mean_loss: f64,
}

/// The gradient at one place, to which that at others is a difference: computed in binary32, a
/// difference is as exact as it is small.
pub(super) struct Reference {
    gradient: Vec<f64>,
    v: Vec<f64>,
    residuals: Vec<f64>,
}

impl<'a> Place<'a> {
    pub fn new(model: &'a dyn LinearOutputs, w: &[f64]) -> Result<Self, Error> {
        let origin = model.origin();
        if w.len() != origin.len() {
            let (what, found, expected) = ("weight vector", w.len(), origin.len());
            return Err(NetworkError::WrongLength {
                what,
                found,
                expected,
            }
            .into());
        }
        let v: Vec<f64> = w
            .iter()
            .zip(origin)
            .map(|(w, &c)| w - f64::from(c))
            .collect();
        let z = model.forward(&narrowed(&v))?;
        let mut place = Place {
            model,
            v,
            residuals: vec![0.0; z.len()],
            mean_loss: f64::NAN,
            z: z.into_iter().map(f64::from).collect(),
        };
        place.follow();
        Ok(place)
    }

    fn records(&self) -> f64 {
        self.model.losses().records() as f64
    }

    /// Makes the residuals and the loss those of z.
    fn follow(&mut self) {
        self.mean_loss = self.model.losses().residuals(&self.z, &mut self.residuals);
    }

    /// F here.
    pub fn loss(&self) -> f64 {
        self.mean_loss + 0.5 * self.model.penalty() * dot(&self.v, &self.v)
    }

    /// `w = c + v`.
    pub fn weights(&self) -> Vec<f64> {
        let pairs = self.v.iter().zip(self.model.origin());
        pairs.map(|(v, &c)| f64::from(c) + v).collect()
    }

    /// A preconditioner for the curvature here.
    pub fn preconditioner(
        &self,
        seed: u64,
    ) -> Result<Option<Box<dyn Preconditioner<f32> + 'a>>, Error> {
        let means = self.model.losses().means(&self.residuals);
        self.model.preconditioner(&narrowed(&means), seed)
    }

    /// `J d`.
    pub fn along(&self, direction: &[f64]) -> Result<Vec<f32>, Error> {
        self.model.forward(&narrowed(direction))
    }

    /// `(1/n) Jᵀ u`.
    fn pulled(&self, u: &[f32]) -> Result<Vec<f64>, Error> {
        let mut pulled = vec![0.0; self.v.len()];
        self.model.transposed(u, &mut pulled)?;
        let n = self.records();
        Ok(pulled.into_iter().map(|g| f64::from(g) / n).collect())
    }

    /// `∇F` here, all of it in binary32.
    pub fn gradient(&self) -> Result<Vec<f64>, Error> {
        let mut gradient = self.pulled(&narrowed(&self.residuals))?;
        let penalty = self.model.penalty();
        for (g, v) in gradient.iter_mut().zip(&self.v) {
            *g += penalty * v;
        }
        Ok(gradient)
    }

    /// `∇F` here, from what is known of it elsewhere.
    pub fn gradient_from(&self, known: &Reference) -> Result<Vec<f64>, Error> {
        let pairs = self.residuals.iter().zip(&known.residuals);
        let moved: Vec<f32> = pairs.map(|(r, before)| (r - before) as f32).collect();
        let mut gradient = self.pulled(&moved)?;
        let penalty = self.model.penalty();
        let known = known.gradient.iter().zip(&known.v);
        for ((g, v), (gradient, before)) in gradient.iter_mut().zip(&self.v).zip(known) {
            *g += gradient + penalty * (v - before);
        }
        Ok(gradient)
    }

    /// The trace of each record's curvature in the outputs.
    pub fn traces(&self) -> Vec<f64> {
        self.model.losses().traces(&self.residuals)
    }

    /// What gradients elsewhere can be differences to: the gradient here is this, in binary64.
    pub fn reference(&self, gradient: Vec<f64>) -> Reference {
        Reference {
            gradient,
            v: self.v.clone(),
            residuals: self.residuals.clone(),
        }
    }

    /// Goes `length` along `direction`, with which the outputs move by `dz`.
    pub fn advance(&mut self, length: f64, direction: &[f64], dz: &[f32]) {
        for (v, d) in self.v.iter_mut().zip(direction) {
            *v += length * d;
        }
        for (z, &d) in self.z.iter_mut().zip(dz) {
            *z += length * f64::from(d);
        }
        self.follow();
    }

    /// F along `direction`, with which the outputs move by `dz`.
    pub fn line<'l>(&'l self, slope: f64, direction: &[f64], dz: &'l [f32]) -> Line<'l> {
        Line {
            z: &self.z,
            residuals: &self.residuals,
            dz,
            losses: self.model.losses(),
            slope,
            bend: self.model.penalty() * dot(direction, direction),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outputs::{Losses, OutputLoss, OutputTargets};
    use rescind_network::softmax;

    const LABELS: [u32; 6] = [0, 1, 2, 2, 1, 0];

    /// J written out: six records, three outputs, four weights.
    struct Dense {
        jacobian: Vec<f32>,
        origin: Vec<f32>,
    }

    impl LinearOutputs for Dense {
        fn origin(&self) -> &[f32] {
            &self.origin
        }

        fn penalty(&self) -> f64 {
            0.1
        }

        fn losses(&self) -> Losses<'_> {
            Losses {
                loss: OutputLoss::SoftmaxCrossEntropy,
                targets: OutputTargets::Classes(&LABELS),
                outputs: 3,
            }
        }

        fn forward(&self, v: &[f32]) -> Result<Vec<f32>, Error> {
            let rows = self.jacobian.chunks_exact(4);
            Ok(rows
                .map(|j| j.iter().zip(v).map(|(j, v)| j * v).sum())
                .collect())
        }

        fn transposed(&self, u: &[f32], out: &mut [f32]) -> Result<(), Error> {
            out.fill(0.0);
            for (j, u) in self.jacobian.chunks_exact(4).zip(u) {
                out.iter_mut().zip(j).for_each(|(out, j)| *out += u * j);
            }
            Ok(())
        }

        fn preconditioner<'a>(
            &'a self,
            _: &[f32],
            _: u64,
        ) -> Result<Option<Box<dyn Preconditioner<f32> + 'a>>, Error> {
            Ok(None)
        }
    }

    fn dense() -> Dense {
        Dense {
            jacobian: (0..72).map(|i| (i as f32 * 0.7).sin()).collect(),
            origin: vec![0.5, -0.25, 1.0, 2.0],
        }
    }

    /// F and its gradient with J in double precision.
    fn exact(model: &Dense, w: &[f64]) -> (f64, Vec<f64>) {
        let v: Vec<f64> = w
            .iter()
            .zip(&model.origin)
            .map(|(w, &c)| w - f64::from(c))
            .collect();
        let mut gradient: Vec<f64> = v.iter().map(|v| 0.1 * v).collect();
        let mut loss = 0.05 * dot(&v, &v);
        for (rows, &label) in model.jacobian.chunks_exact(12).zip(&LABELS) {
            let row = |j: &[f32]| {
                j.iter()
                    .zip(&v)
                    .map(|(&j, v)| f64::from(j) * v)
                    .sum::<f64>()
            };
            let z: Vec<f64> = rows.chunks_exact(4).map(row).collect();
            let all: f64 = z.iter().map(|z| z.exp()).sum();
            loss += (all.ln() - z[label as usize]) / 6.0;
            for (k, j) in rows.chunks_exact(4).enumerate() {
                let own = if k == label as usize { 1.0 } else { 0.0 };
                let residual = (z[k].exp() / all - own) / 6.0;
                gradient
                    .iter_mut()
                    .zip(j)
                    .for_each(|(g, &j)| *g += residual * f64::from(j));
            }
        }
        (loss, gradient)
    }

    fn apart(a: &[f64], b: &[f64]) -> f64 {
        a.iter()
            .zip(b)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f64::max)
    }

    #[test]
    fn what_follows_from_the_outputs_is_what_the_weights_say() {
        let model = dense();
        let w = [1.0, 0.5, -1.0, 3.0];
        let mut place = Place::new(&model, &w).unwrap();
        let direction = [0.3, -0.2, 0.7, 0.1];
        let dz = place.along(&direction).unwrap();
        place.advance(0.5, &direction, &dz);
        let there: Vec<f64> = w.iter().zip(direction).map(|(w, d)| w + 0.5 * d).collect();
        assert!(apart(&place.weights(), &there) < 1e-12);
        let (loss, gradient) = exact(&model, &there);
        assert!((place.loss() - loss).abs() < 1e-6);
        assert!(apart(&place.gradient().unwrap(), &gradient) < 1e-6);
        let p: Vec<f64> = softmaxes(&place);
        for (p, trace) in p.chunks(3).zip(place.traces()) {
            let direct: f64 = p.iter().map(|p| p * (1.0 - p)).sum();
            assert!((trace - direct).abs() < 1e-12);
        }
    }

    fn softmaxes(place: &Place<'_>) -> Vec<f64> {
        let mut p = vec![0.0; place.z.len()];
        for (z, p) in place.z.chunks(3).zip(p.chunks_mut(3)) {
            softmax(z, p);
        }
        p
    }

    #[test]
    fn a_gradient_near_an_exact_one_is_nearly_as_exact() {
        let model = dense();
        let w = [1.0, 0.5, -1.0, 3.0];
        let mut place = Place::new(&model, &w).unwrap();
        let known = place.reference(exact(&model, &w).1);
        let direction = [3e-4, -2e-4, 7e-4, 1e-4];
        let dz = place.along(&direction).unwrap();
        place.advance(1.0, &direction, &dz);
        let (_, gradient) = exact(&model, &place.weights());
        let from = apart(&place.gradient_from(&known).unwrap(), &gradient);
        let alone = apart(&place.gradient().unwrap(), &gradient);
        assert!(from < 1e-10 && alone > 10.0 * from, "{from:e} {alone:e}");
    }
}
