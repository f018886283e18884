//! From numbers to places along an axis, and the numbers written there.

use super::Scale;
use super::legend::shortened;

/// A scale fitted to what it has to show.
pub(super) struct Fitted {
    /// Ends of the axis, as numbers (for a logarithmic scale: decimal logarithms).
    low: f64,
    high: f64,
    logarithmic: bool,
    /// Where a line and a number stand.
    pub ticks: Vec<Tick>,
}

/// A text and the exponent it is raised to.
type Label = (String, Option<String>);

/// A number on an axis.
pub(super) struct Tick {
    /// Its place, from 0 to 1.
    pub place: f64,
    /// How it is written.
    pub text: String,
    /// The power to which it is raised, if it is.
    pub exponent: Option<String>,
}

impl Fitted {
    /// Fits `scale` to `values`, all of which it takes, with room for about `most` ticks.
    pub fn new(scale: &Scale, values: impl Iterator<Item = f64>, most: usize) -> Self {
        let logarithmic = *scale == Scale::Log;
        let values = values.map(|value| if logarithmic { value.log10() } else { value });
        let (mut low, mut high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| {
            (a.min(v), b.max(v))
        });
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        let mut fitted = Fitted {
            low,
            high,
            logarithmic,
            ticks: Vec::new(),
        };
        let ticks: Vec<(f64, Label)> = match scale {
            Scale::Categories(names) => fitted.categories(names),
            Scale::Linear => fitted.linear(most, f64::MIN_POSITIVE),
            Scale::Counts => fitted.linear(most, 1.0),
            Scale::Log => fitted.logarithmic(most),
        };
        fitted.ticks = ticks
            .into_iter()
            .map(|(value, (text, exponent))| Tick {
                place: fitted.fraction(value),
                text,
                exponent,
            })
            .collect();
        fitted
    }

    /// The place of a number, 0 at the low end and 1 at the high one.
    pub fn place(&self, value: f64) -> f64 {
        self.fraction(if self.logarithmic {
            value.log10()
        } else {
            value
        })
    }

    fn fraction(&self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }

    fn categories(&mut self, names: &[String]) -> Vec<(f64, Label)> {
        // From top to bottom, with half a row of room at either end.
        (self.low, self.high) = (names.len().max(1) as f64 - 0.5, -0.5);
        let names = names.iter().enumerate();
        names
            .map(|(index, name)| (index as f64, (shortened(name, 24), None)))
            .collect()
    }

    fn linear(&mut self, most: usize, least_step: f64) -> Vec<(f64, Label)> {
        let span = self.high - self.low;
        // A single number gets room around it.
        let room = match span > 1e-9 * self.high.abs().max(self.low.abs()) {
            true => 0.04 * span,
            false => (0.05 * self.high.abs()).max(least_step.max(1e-3) / 2.0),
        };
        (self.low, self.high) = (self.low - room, self.high + room);
        let step = nice_step((self.high - self.low) / most as f64).max(least_step);
        let decimals = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
        let large = self.high.abs().max(self.low.abs()) >= 1e6;
        let (first, last) = ((self.low / step).ceil(), (self.high / step).floor());
        let count = (last - first).clamp(0.0, 100.0) as u32;
        let values = (0..=count).map(|index| (first + f64::from(index)) * step + 0.0);
        values
            .map(|value| {
                let text = match large {
                    true => format!("{value:.2e}"),
                    false => format!("{value:.decimals$}"),
                };
                (value, (minus(&text), None))
            })
            .collect()
    }

    fn logarithmic(&mut self, most: usize) -> Vec<(f64, Label)> {
        let room = match self.high - self.low < 0.4 {
            true => 0.25,
            false => (0.04 * (self.high - self.low)).max(0.1),
        };
        (self.low, self.high) = (self.low - room, self.high + room);
        let (first, last) = (self.low.ceil() as i32, self.high.floor() as i32);
        if last - first >= 1 {
            let every = ((last - first + 1) as usize).div_ceil(most).max(1);
            let decades = (first..=last).step_by(every);
            return decades.map(|d| (f64::from(d), power_of_ten(d))).collect();
        }
        // Less than a decade: 1, 2 and 5 of each that is touched.
        let decades = self.low.floor() as i32..=self.high.ceil() as i32;
        let values = decades.flat_map(|d| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(d)));
        values
            .filter(|value| (self.low..=self.high).contains(&value.log10()))
            .map(|value| {
                let plain = (1e-3..1e5).contains(&value);
                let text = if plain {
                    format!("{value}")
                } else {
                    format!("{value:e}")
                };
                (value.log10(), (minus(&text), None))
            })
            .collect()
    }
}

/// The least of 1, 2, 5 times a power of ten that is at least `step`.
fn nice_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    let digit = [1.0, 2.0, 5.0, 10.0].into_iter();
    digit
        .map(|digit| digit * power)
        .find(|nice| *nice >= step * (1.0 - 1e-9))
        .unwrap_or(10.0 * power)
}

/// 10 and its exponent; 1 and 10 as they are.
fn power_of_ten(exponent: i32) -> Label {
    match exponent {
        0 => ("1".to_owned(), None),
        1 => ("10".to_owned(), None),
        _ => ("10".to_owned(), Some(minus(&exponent.to_string()))),
    }
}

/// With the sign that is as wide as a digit.
fn minus(text: &str) -> String {
    text.replace('-', "\u{2212}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(scale: Scale, values: &[f64]) -> Vec<String> {
        let fitted = Fitted::new(&scale, values.iter().copied(), 5);
        for tick in &fitted.ticks {
            assert!((-1e-9..=1.0 + 1e-9).contains(&tick.place), "{}", tick.text);
        }
        let whole = |tick: Tick| match tick.exponent {
            Some(exponent) => format!("{}^{exponent}", tick.text),
            None => tick.text,
        };
        fitted.ticks.into_iter().map(whole).collect()
    }

    #[test]
    fn axes_carry_round_numbers() {
        assert_eq!(written(Scale::Linear, &[0.0, 1.0]), ["0.0", "0.5", "1.0"]);
        assert_eq!(written(Scale::Linear, &[96.5, 99.5]), ["97", "98", "99"]);
        assert_eq!(written(Scale::Counts, &[1.0, 2.0]), ["1", "2"]);
        assert_eq!(
            written(Scale::Log, &[1e-5, 1.0]),
            ["10^\u{2212}5", "10^\u{2212}3", "10^\u{2212}1"]
        );
        assert_eq!(written(Scale::Log, &[1.0, 100.0]), ["1", "10", "10^2"]);
        assert_eq!(written(Scale::Log, &[2.0, 5.0]), ["2", "5"]);
        let names = ["a", "b"].map(str::to_owned).to_vec();
        assert_eq!(written(Scale::Categories(names), &[]), ["a", "b"]);
    }

    #[test]
    fn one_number_or_none_still_has_an_axis() {
        for value in [0.0, 1.0, -3.0, 1e-12, 1e300, 812_345_678.9] {
            assert!(!written(Scale::Linear, &[value]).is_empty(), "{value}");
        }
        for value in [1.0, 3.3e-7, 8e8] {
            assert!(!written(Scale::Log, &[value]).is_empty(), "{value}");
        }
        assert!(!written(Scale::Linear, &[]).is_empty());
        assert!(!written(Scale::Log, &[]).is_empty());
        assert_eq!(written(Scale::Counts, &[1.0]), ["1"]);
    }
}
