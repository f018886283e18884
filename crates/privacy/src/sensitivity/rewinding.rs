//! The bound of rewind-to-delete (docs/theory.md §13).

use crate::error::{PrivacyError, require};
use crate::quantity::Sensitivity;

/// The constants of the theorem.
pub(super) struct Rewinding {
    pub eta: f64,
    pub penalty: f64,
    pub trained: f64,
    pub again: f64,
    pub records: f64,
    pub removed: f64,
    pub lipschitz: f64,
    pub gradient: f64,
    pub rounding: f64,
}

/// Beyond this, a count of steps is no longer exact where it is used.
const MOST: f64 = 1e15;

impl Rewinding {
    /// `(2ηmG_ℓ/n) κ^K S(N − K) + 2r S(N)` with `S(t) = 1 + κ + … + κ^{t−1}`, every operation rounded
    /// up: rounding grows with the number of steps.
    pub fn sensitivity(&self) -> Result<Sensitivity, PrivacyError> {
        let counts = [
            ("the steps of training N", self.trained, MOST),
            ("the steps taken again K", self.again, self.trained),
            ("the records trained on n", self.records, MOST),
            ("the records removed m", self.removed, self.records),
        ];
        for (name, count, most) in counts {
            let whole = count.fract() <= 0.0 && count <= most;
            let expected = "a whole number, K <= N and m <= n";
            require(whole, name, count, expected, "count them again")?;
        }
        let pull = self.eta * self.penalty;
        require(
            pull <= 1.0,
            "step size times penalty (eta penalty)",
            pull,
            "at most 1",
            "lower one of them: the steps must not overshoot the centre",
        )?;
        let steepness = self.lipschitz - self.penalty;
        let kappa = up(1.0 + up(self.eta * up(steepness))).max(0.0);
        let before = (self.trained - self.again) as u64;
        let (_, apart) = powers(kappa, before);
        let (spread, _) = powers(kappa, self.again as u64);
        let (_, all) = powers(kappa, self.trained as u64);
        let kick = up(up(up(2.0 * self.eta) * self.removed) * self.gradient);
        let without = up(up(kick / self.records) * up(spread * apart));
        Sensitivity::rounded_up(up(without + up(2.0 * up(self.rounding * all))))
    }
}

fn up(value: f64) -> f64 {
    value.next_up()
}

/// Upper bounds of `κ^count` and of `1 + κ + … + κ^{count−1}`, by doubling.
fn powers(kappa: f64, count: u64) -> (f64, f64) {
    let (mut power, mut sum) = (1.0, 0.0);
    for bit in (0..u64::BITS - count.leading_zeros()).rev() {
        sum = up(sum * up(1.0 + power));
        power = up(power * power);
        if count >> bit & 1 == 1 {
            sum = up(up(sum * kappa) + 1.0);
            power = up(power * kappa);
        }
    }
    (power, sum)
}
