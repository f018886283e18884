//! The L2 penalty `(μ/2)‖w − c‖²`.

use crate::NetworkError;
use crate::scalar::Scalar;

/// `(μ/2)‖w − c‖²`: the **squared** norm, so its gradient is `μ(w − c)` and its Hessian `μI`.
/// The centre `c` is zero or data-independent weights (docs/theory.md §0).
#[derive(Clone, Debug, Default)]
pub struct Penalty<T> {
    strength: f64,
    centre: Option<Vec<T>>,
}

impl<T: Scalar> Penalty<T> {
    /// Strength `μ ≥ 0` around zero.
    ///
    /// # Errors
    /// [`NetworkError::BadPenalty`] for a negative or non-finite strength.
    pub fn new(strength: f64) -> Result<Self, NetworkError> {
        if strength.is_finite() && strength >= 0.0 {
            Ok(Penalty {
                strength,
                centre: None,
            })
        } else {
            Err(NetworkError::BadPenalty { found: strength })
        }
    }

    /// The same strength around `centre`, of the network's number of parameters.
    pub fn around(self, centre: Vec<T>) -> Self {
        Penalty {
            centre: Some(centre),
            ..self
        }
    }

    /// μ.
    pub fn strength(&self) -> f64 {
        self.strength
    }

    pub(crate) fn check(&self, parameters: usize) -> Result<(), NetworkError> {
        match &self.centre {
            Some(c) if c.len() != parameters => Err(NetworkError::WrongLength {
                what: "penalty's centre",
                found: c.len(),
                expected: parameters,
            }),
            _ => Ok(()),
        }
    }

    fn offset(&self, i: usize, w: T) -> T {
        self.centre.as_ref().map_or(w, |c| w - c[i])
    }

    pub(crate) fn value(&self, w: &[T]) -> f64 {
        if !self.is_on() {
            return 0.0;
        }
        let squares: f64 = w
            .iter()
            .enumerate()
            .map(|(i, &w)| self.offset(i, w).as_f64().powi(2))
            .sum();
        0.5 * self.strength * squares
    }

    pub(crate) fn add_gradient(&self, w: &[T], gradient: &mut [T]) {
        if self.is_on() {
            let strength = T::of(self.strength);
            for (i, (g, &w)) in gradient.iter_mut().zip(w).enumerate() {
                *g += strength * self.offset(i, w);
            }
        }
    }

    /// Adds `μv`.
    pub(crate) fn add_product(&self, v: &[T], out: &mut [T]) {
        if self.is_on() {
            crate::kernel::add_scaled(out, T::of(self.strength), v);
        }
    }

    fn is_on(&self) -> bool {
        self.strength > 0.0
    }
}
