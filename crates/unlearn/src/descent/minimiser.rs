//! Descents until the gradient is small.

mod conjugate;
mod place;
mod round;
mod rounding;
mod search;

use super::point::{Effort, Point, evaluate};
use super::settings::ConvexSettings;
use crate::error::Error;
use crate::observer::Observer;
use crate::outputs::ConvexObjective;
use place::Place;
use rescind_curvature::norm;

/// Least share of G that the norm computed in binary64 leaves for that computation's own rounding.
const ROUNDING: f64 = 1e-3;

/// A descent on a strongly convex objective F to `‖∇F(w)‖ ≤ G` (docs/theory.md §3).
///
/// Rounds of preconditioned nonlinear conjugate gradients, followed in the model's outputs: a product
/// with the Jacobian and one with its transpose for every direction, an exact search on each line,
/// and a fresh preconditioner once the outputs' curvature has moved. Work runs in binary32; small
/// gradients are computed in binary64, and later ones are differences to them.
pub struct Minimiser<'a> {
    objective: &'a dyn ConvexObjective,
    settings: ConvexSettings,
    point: Point,
    /// The gradient's norm after the last round and after the one before it.
    last: Option<f64>,
    before: Option<f64>,
    headway: Headway,
    /// The point in the outputs, where it was followed there.
    place: Option<Place<'a>>,
    effort: Effort,
    /// `√(‖J‖_F²/n)`, once it was needed.
    size: Option<f64>,
}

impl<'a> Minimiser<'a> {
    /// Starts at `w`.
    ///
    /// # Errors
    /// Settings out of range, and whatever the objective meets.
    pub fn start(
        objective: &'a dyn ConvexObjective,
        w: Vec<f64>,
        settings: ConvexSettings,
    ) -> Result<Self, Error> {
        Self::resume(objective, w, &[], settings)
    }

    /// Goes on at `w` as the descent did whose gradient norms, after each of its steps, were
    /// `norms`: with bitwise the same result.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn resume(
        objective: &'a dyn ConvexObjective,
        w: Vec<f64>,
        norms: &[f64],
        settings: ConvexSettings,
    ) -> Result<Self, Error> {
        settings.validate()?;
        let back = |steps: usize| norms.iter().rev().nth(steps).copied();
        let (last, before) = (back(0), back(1));
        let mut start = Self {
            last,
            before,
            headway: Headway::of(norms),
            ..Self::at(objective, Point::unknown(Vec::new()), settings)
        };
        let exact = last.is_some_and(|last| start.needs_binary64(last, before));
        start.move_to(w, before, exact)?;
        Ok(start)
    }

    /// Starts at `w`, which is thought to be near the minimum, as from a step that led there.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_near(
        objective: &'a dyn ConvexObjective,
        w: Vec<f64>,
        settings: ConvexSettings,
    ) -> Result<Self, Error> {
        settings.validate()?;
        let mut start = Self::at(objective, Point::unknown(Vec::new()), settings);
        start.move_to(w, None, true)?;
        let norm = start.point.norm;
        if !start.needs_binary64(norm, None) {
            // As whoever resumes from here will see it.
            let w = std::mem::take(&mut start.point.w);
            start.move_to(w, None, false)?;
        }
        start.headway.note(norm);
        start.last = Some(norm);
        Ok(start)
    }

    /// Starts at `w`, where the gradient is known to be about `gradient`, so that it need not be
    /// computed.
    ///
    /// # Errors
    /// Settings out of range.
    pub fn start_with(
        objective: &'a dyn ConvexObjective,
        w: Vec<f64>,
        gradient: Vec<f64>,
        settings: ConvexSettings,
    ) -> Result<Self, Error> {
        settings.validate()?;
        let point = Point {
            norm: norm(&gradient),
            w,
            gradient,
            loss: None,
            exact: false,
            rounding: f64::INFINITY,
        };
        Ok(Self {
            last: Some(point.norm),
            ..Self::at(objective, point, settings)
        })
    }

    /// Before its first round.
    fn at(objective: &'a dyn ConvexObjective, point: Point, settings: ConvexSettings) -> Self {
        Self {
            objective,
            settings,
            point,
            last: None,
            before: None,
            headway: Headway::of(&[]),
            place: None,
            effort: Effort::default(),
            size: None,
        }
    }

    /// Whether `‖∇F(w)‖ ≤ G`, computed in binary64 with room for what rounding may have done to it.
    pub fn has_arrived(&self) -> bool {
        let bound = self.settings.gradient_bound;
        let room = self.point.rounding.max(ROUNDING * bound);
        self.point.exact && self.point.norm <= bound - room
    }

    /// w.
    pub fn weights(&self) -> &[f64] {
        &self.point.w
    }

    /// `‖∇F(w)‖`.
    pub fn gradient_norm(&self) -> f64 {
        self.point.norm
    }

    /// The same, if it was computed in binary64.
    pub fn exact_gradient_norm(&self) -> Option<f64> {
        self.point.exact.then_some(self.point.norm)
    }

    /// `F(w)`, where it was computed.
    pub fn loss(&self) -> Option<f64> {
        self.point.loss
    }

    /// What it has cost so far.
    pub fn effort(&self) -> Effort {
        self.effort
    }

    /// The final point.
    pub fn into_weights(self) -> Vec<f64> {
        self.point.w
    }

    /// Goes one round: as far down as one preconditioner leads, or to G.
    ///
    /// # Errors
    /// [`Error::GradientStuck`] where rounding keeps the gradient above G; [`Error::NoStep`];
    /// [`Error::Interrupted`]; whatever the objective meets.
    pub fn step(&mut self, observer: &mut dyn Observer) -> Result<(), Error> {
        self.round(observer)?;
        self.effort.steps += 1;
        Ok(())
    }
}

/// What rounds have come to, by the gradient's norm after each.
#[derive(Clone, Copy, Debug)]
struct Headway {
    /// The least norm, but for what was less by no tenth.
    best: f64,
    /// Rounds since then.
    stalls: u32,
}

impl Headway {
    fn of(norms: &[f64]) -> Self {
        let mut headway = Self {
            best: f64::INFINITY,
            stalls: 0,
        };
        norms.iter().for_each(|&norm| headway.note(norm));
        headway
    }

    fn note(&mut self, norm: f64) {
        match norm < 0.9 * self.best {
            true => (self.best, self.stalls) = (norm, 0),
            false => self.stalls += 1,
        }
    }
}
