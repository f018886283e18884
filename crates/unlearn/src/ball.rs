//! The constraint `‖w − c‖ ≤ R`.

use crate::error::Error;
use crate::setting::require;
use std::sync::Arc;

/// The ball `W = {w : ‖w − c‖ ≤ R}` that training and forgetting project to. Neither R nor c may
/// depend on the records (docs/theory.md §0).
#[derive(Clone, Debug, PartialEq)]
pub struct Ball {
    radius: f64,
    centre: Option<Arc<[f32]>>,
}

/// Room for rounding: what is measured to be inside this share of R is inside R, whoever measures it.
const INSIDE: f64 = 1.0 - 1e-6;

impl Ball {
    /// Radius `R > 0` around `centre`, zero if absent.
    ///
    /// # Errors
    /// A radius that is not above 0 and finite, or a centre that is not finite.
    pub fn new(radius: f64, centre: Option<Arc<[f32]>>) -> Result<Self, Error> {
        let valid = radius > 0.0 && radius.is_finite();
        require(
            valid,
            "the ball's radius",
            radius,
            "a finite number above 0",
        )?;
        if let Some(&bad) = centre
            .iter()
            .flat_map(|c| c.iter())
            .find(|c| !c.is_finite())
        {
            require(
                false,
                "a coordinate of the ball's centre",
                f64::from(bad),
                "finite",
            )?;
        }
        Ok(Ball { radius, centre })
    }

    /// R.
    pub fn radius(&self) -> f64 {
        self.radius
    }

    /// c; absent means zero.
    pub fn centre(&self) -> Option<&Arc<[f32]>> {
        self.centre.as_ref()
    }

    /// The largest absolute value a coordinate can have within the ball: `R + max |c_i|`.
    pub fn largest_coordinate(&self) -> f64 {
        let centre = self.centre.iter().flat_map(|c| c.iter());
        self.radius + centre.fold(0.0, |most: f64, &c| most.max(f64::from(c).abs()))
    }

    /// `‖w − c‖`, in double precision.
    pub fn distance(&self, w: &[f32]) -> f64 {
        match &self.centre {
            None => rescind_curvature::norm(w),
            Some(c) => w
                .iter()
                .zip(c.iter())
                .map(|(&w, &c)| (f64::from(w) - f64::from(c)).powi(2))
                .sum::<f64>()
                .sqrt(),
        }
    }

    /// Moves `w` to the nearest point of the ball; says whether it had to move.
    ///
    /// The result, as rounded to `f32`, is truly inside: where rounding would leave it a hair
    /// outside it is drawn in further.
    pub fn project(&self, w: &mut [f32]) -> bool {
        let mut distance = self.distance(w);
        let moved = distance > self.radius * INSIDE;
        let mut margin = 2.0_f64.powi(-22);
        while distance > self.radius * INSIDE {
            let scale = (self.radius / distance * (1.0 - margin)).max(0.0);
            match &self.centre {
                None => w
                    .iter_mut()
                    .for_each(|w| *w = (f64::from(*w) * scale) as f32),
                Some(centre) => {
                    for (w, &c) in w.iter_mut().zip(centre.iter()) {
                        let c = f64::from(c);
                        *w = (c + scale * (f64::from(*w) - c)) as f32;
                    }
                }
            }
            margin *= 4.0;
            distance = self.distance(w);
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn projects_onto_the_nearest_point() {
        let centre: Arc<[f32]> = [1.0_f32, -2.0, 0.5].into();
        for centre in [None, Some(centre)] {
            let ball = Ball::new(0.7, centre.clone()).unwrap();
            let outside = [3.0_f32, -1.0, 4.0];
            let mut w = outside;
            assert!(ball.project(&mut w));
            assert!(ball.distance(&w) <= 0.7 && ball.distance(&w) > 0.7 * (1.0 - 1e-5));
            // On the line from the centre to the point: w − c is a multiple of outside − c.
            let c = centre.as_deref().map_or([0.0; 3], |c| [c[0], c[1], c[2]]);
            let ratio = |i: usize| (w[i] - c[i]) / (outside[i] - c[i]);
            assert!((ratio(0) - ratio(1)).abs() < 1e-5 && (ratio(1) - ratio(2)).abs() < 1e-5);
            let within = w;
            assert!(!ball.project(&mut w) && w.map(f32::to_bits) == within.map(f32::to_bits));
        }
    }

    #[test]
    fn ends_inside_even_where_f32_is_coarse() {
        // The spacing of f32 near 1e6 is 0.06: no point of the ball but its centre is there.
        let ball = Ball::new(1e-3, Some([1.0e6_f32, -1.0e6].into())).unwrap();
        let mut w = [1.0e6_f32 + 10.0, -1.0e6];
        assert!(ball.project(&mut w));
        assert!(ball.distance(&w) <= 1e-3);
        assert!((ball.largest_coordinate() - 1_000_000.001).abs() < 1e-6);
    }

    #[test]
    fn refuses_radii_that_are_none() {
        for radius in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Ball::new(radius, None).is_err());
        }
        assert!(Ball::new(1.0, Some([f32::NAN].into())).is_err());
    }
}
