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
    /// outside it is drawn in further, and no further than that. So this is the projection to a ball
    /// a hair smaller, which brings no two points further apart, but for 3 units of binary32 of
    /// `‖c‖ + R` (docs/theory.md §13.2).
    pub fn project(&self, w: &mut [f32]) -> bool {
        let radius = self.radius * INSIDE;
        let distance = self.distance(w);
        if distance <= radius || distance.is_nan() {
            return false;
        }
        let outside = w.to_vec();
        let mut margin = 2.0_f64.powi(-23);
        while self.distance(w) > radius {
            let scale = (radius / distance * (1.0 - margin)).max(0.0);
            for (index, (w, &from)) in w.iter_mut().zip(&outside).enumerate() {
                let c = self.centre.as_ref().map_or(0.0, |c| f64::from(c[index]));
                *w = (c + scale * (f64::from(from) - c)) as f32;
            }
            margin *= 2.0;
        }
        true
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

    /// No point of the ball is further from where a point ends than from where it was, but for what
    /// the bounds of docs/theory.md count; and just outside it nothing jumps.
    #[test]
    fn draws_in_no_further_than_rounding_asks() {
        let unit = 2.0_f64.powi(-24);
        for (centre, radius) in [(0.0_f32, 0.7), (1.0, 0.7), (300.0, 0.01)] {
            let centre: Arc<[f32]> = vec![centre; 50].into();
            let length = (50.0_f64).sqrt() * f64::from(centre[0]);
            let ball = Ball::new(radius, Some(centre.clone())).unwrap();
            for beyond in [1.0 - 9e-7, 1.0 + 1e-7, 1.5, 30.0] {
                let far = |i: usize| f64::from(centre[0]) + at(i) * radius * beyond;
                let mut w: Vec<f32> = (0..50).map(|i| far(i) as f32).collect();
                let from = ball.distance(&w);
                let ideal = |w: f32, c: f32| {
                    let (w, c) = (f64::from(w), f64::from(c));
                    c + (w - c) * (radius * INSIDE / from).min(1.0)
                };
                let ideal: Vec<f64> = w.iter().zip(&*centre).map(|(&w, &c)| ideal(w, c)).collect();
                ball.project(&mut w);
                let off = w
                    .iter()
                    .zip(&ideal)
                    .map(|(&w, x)| (f64::from(w) - x).powi(2));
                let off = off.sum::<f64>().sqrt() / (unit * (length + radius));
                assert!(off <= 3.0, "{length} {beyond}: {off} units");
                assert!(ball.distance(&w) <= radius * INSIDE);
            }
        }
    }

    /// The coordinates of a direction of 50.
    fn at(i: usize) -> f64 {
        let all = (0..50).map(|i| ((i * i) as f64).sin());
        let length = all.clone().map(|x| x * x).sum::<f64>().sqrt();
        ((i * i) as f64).sin() / length
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
