//! Standard normal numbers, tails included.

use rand::Rng;
use rand_distr::{Distribution, StandardNormal};
use std::f64::consts::LN_2;

/// From here on numbers are drawn again, from what lies beyond: one in 8e14 is.
const TAIL: f64 = 8.0;

/// A draw from N(0, 1). `rand_distr`'s ziggurat makes each of 53 random bits, so that its numbers end
/// near 12.2: an ε that rests on what lies further out would not hold, whatever its δ. What it draws
/// beyond [`TAIL`] is drawn again among all that lies there (Marsaglia 1964), of as many bits as it
/// takes: the law stays the same, and ends where the generator's seed does.
pub(super) fn standard_normal(generator: &mut impl Rng) -> f64 {
    let drawn: f64 = StandardNormal.sample(generator);
    match drawn.abs() > TAIL {
        false => drawn,
        true => beyond(TAIL, generator).copysign(drawn),
    }
}

/// A draw from N(0, 1) given that it is above `from`, which is above 0.
fn beyond(from: f64, generator: &mut impl Rng) -> f64 {
    loop {
        let past = exponential(generator) / from;
        if 2.0 * exponential(generator) > past * past {
            return from + past;
        }
    }
}

/// `−ln U`, of a U in (0, 1) whose exponent is as small as chance makes it.
fn exponential(generator: &mut impl Rng) -> f64 {
    let mut halvings = 1_u32;
    let mut bits = generator.next_u64();
    while bits == 0 {
        halvings += u64::BITS;
        bits = generator.next_u64();
    }
    halvings += bits.leading_zeros();
    // U = (1 + m) 2^-halvings, with 52 random bits of m and half of the next, so that U is never 1.
    let m = ((generator.next_u64() >> 12) as f64 + 0.5) * 2_f64.powi(-52);
    f64::from(halvings) * LN_2 - m.ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, TryRng};
    use rand_chacha::ChaCha20Rng;
    use std::convert::Infallible;

    #[test]
    fn what_lies_beyond_is_the_normal_tail() {
        let mut generator = ChaCha20Rng::seed_from_u64(3);
        const DRAWS: usize = 200_000;
        for from in [0.5_f64, 2.0, 8.0] {
            // E[X | X > t] = φ(t)/Q(t), and E[X² | X > t] = 1 + t E[X | X > t].
            let density = (-0.5 * from * from).exp() / (2.0 * std::f64::consts::PI).sqrt();
            let mean = density / (0.5 * libm::erfc(from / 2_f64.sqrt()));
            let spread = (1.0 + from * mean - mean * mean).sqrt();
            let drawn: Vec<f64> = (0..DRAWS).map(|_| beyond(from, &mut generator)).collect();
            assert!(drawn.iter().all(|&x| x > from));
            let found = drawn.iter().sum::<f64>() / DRAWS as f64;
            let error = 5.0 * spread / (DRAWS as f64).sqrt();
            assert!((found - mean).abs() < error, "{from}: {found}, not {mean}");
            let squares = drawn.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
            let found = (squares / DRAWS as f64).sqrt();
            assert!(
                (found / spread - 1.0).abs() < 0.02,
                "{from}: {found}, not {spread}"
            );
        }
    }

    /// These words, and then a generator's.
    struct Given(std::vec::IntoIter<u64>, ChaCha20Rng);

    impl TryRng for Given {
        type Error = Infallible;

        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            self.try_next_u64().map(|word| word as u32)
        }

        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            match self.0.next() {
                Some(word) => Ok(word),
                None => self.1.try_next_u64(),
            }
        }

        fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
            self.1.try_fill_bytes(to)
        }
    }

    #[test]
    fn what_is_drawn_has_no_end() {
        // The ziggurat's tail, of one number that is e^-31 and one as small as it can be: 12.1.
        let far = vec![!0 << 8, ((-31_f64).exp() * 2_f64.powi(64)) as u64, 0];
        // Two exponentials beyond 64 ln 2 times 10 and 40.
        let zeros = |count| vec![0; count];
        let past = [zeros(10), vec![1 << 63, 0], zeros(40), vec![1 << 63, 0]].concat();
        let generator = || ChaCha20Rng::seed_from_u64(1);
        let mut alone = Given(far.clone().into_iter(), generator());
        let ziggurat: f64 = StandardNormal.sample(&mut alone);
        assert!(ziggurat > 12.0 && ziggurat < 12.3, "{ziggurat}");
        let words = [far, past].concat();
        let drawn = standard_normal(&mut Given(words.into_iter(), generator()));
        let expected = TAIL + 641.0 * LN_2 / TAIL;
        assert!(
            (drawn / expected - 1.0).abs() < 1e-12,
            "{drawn}, not {expected}"
        );
    }
}
