//! Axes fitted to what they have to show.

use super::Scale;
use super::lettering::shortened;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::coord::types::{RangedCoordf64, RangedCoordi64};
use std::ops::Range;

/// Numbers on an axis, at most.
const MOST: usize = 7;

/// An axis with numbers or names written along it.
pub(super) struct Fitted {
    /// From end to end; of a logarithmic axis, in decimal logarithms.
    range: Range<f64>,
    logarithmic: bool,
    /// Where a line and a text stand.
    ticks: Vec<f64>,
    /// Names of rows, by index.
    names: Vec<String>,
}

impl Fitted {
    /// Fits `scale` to `values`, all of which it takes.
    pub fn new(scale: &Scale, values: impl Iterator<Item = f64>) -> Self {
        let logarithmic = *scale == Scale::Log;
        let values = values.map(|value| if logarithmic { value.log10() } else { value });
        let ends = |(low, high): (f64, f64), value: f64| (low.min(value), high.max(value));
        let (mut low, mut high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), ends);
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        let mut names = Vec::new();
        let (range, ticks) = match scale {
            Scale::Categories(rows) => {
                names = rows.iter().map(|name| shortened(name, 24)).collect();
                let ticks = (0..names.len()).map(|row| row as f64).collect();
                // From top to bottom, with half a row of room at either end.
                (names.len().max(1) as f64 - 0.5..-0.5, ticks)
            }
            Scale::Linear => {
                let range = with_room(low, high, 5e-4);
                (range.clone(), round_numbers(&range))
            }
            Scale::Counts => {
                let range = with_room(low, high, 0.5);
                (range.clone(), whole_numbers(&range))
            }
            Scale::Log => {
                let room = (0.04 * (high - low)).max(0.1);
                let range = low - room..high + room;
                (range.clone(), logarithmic_ticks(&range))
            }
        };
        Fitted {
            range,
            logarithmic,
            ticks,
            names,
        }
    }

    /// What is written along the axis.
    pub fn texts(&self) -> impl Iterator<Item = String> {
        self.ticks.iter().map(|tick| self.format_ext(tick))
    }
}

/// A single number gets at least the room `least` on either side.
fn with_room(low: f64, high: f64, least: f64) -> Range<f64> {
    let size = high.abs().max(low.abs());
    let room = match high - low > 1e-9 * size {
        true => 0.04 * (high - low),
        false => (0.05 * size).max(least),
    };
    low - room..high + room
}

/// Round numbers within the range.
fn round_numbers(range: &Range<f64>) -> Vec<f64> {
    // The tolerances behind key points suit ranges of about 1.
    let unit = 10_f64.powf((range.end - range.start).log10().floor());
    let scaled = RangedCoordf64::from(range.start / unit..range.end / unit);
    let ticks = scaled.key_points(MOST).into_iter();
    ticks.map(|tick| tick * unit + 0.0).collect()
}

/// Whole numbers within the range.
fn whole_numbers(range: &Range<f64>) -> Vec<f64> {
    let whole = range.start.ceil() as i64..range.end.floor() as i64;
    let ticks = RangedCoordi64::from(whole).key_points(MOST).into_iter();
    let ticks = ticks.map(|tick| tick as f64);
    ticks.filter(|tick| range.contains(tick)).collect()
}

/// Powers of ten; where they are few, 1, 2 and 5 of each decade. `range` is in decimal logarithms.
fn logarithmic_ticks(range: &Range<f64>) -> Vec<f64> {
    let powers = whole_numbers(range).into_iter();
    let mut ticks: Vec<f64> = powers.map(|n| 10_f64.powf(n)).collect();
    if ticks.len() < 3 {
        let decades = range.start.floor() as i32..=range.end.floor() as i32;
        let digits = decades.flat_map(|n| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(n)));
        ticks = digits
            .filter(|value| range.contains(&value.log10()))
            .collect();
    }
    if ticks.len() < 2 {
        ticks = round_numbers(&(10_f64.powf(range.start)..10_f64.powf(range.end)));
    }
    ticks
}

impl Ranged for Fitted {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    /// What lies beyond an end of the axis, such as 0 on a logarithmic one, is placed at that end.
    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let value = match self.logarithmic {
            true => value.max(0.0).log10(),
            false => *value,
        };
        let Range { start, end } = self.range;
        let value = value.clamp(start.min(end), start.max(end));
        RangedCoordf64::from(start..end).map(&value, limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        match hint.weight().allow_light_points() {
            true => Vec::new(),
            false => self.ticks.clone(),
        }
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

impl ValueFormatter<f64> for Fitted {
    fn format_ext(&self, value: &f64) -> String {
        if let Some(name) = self.names.get(*value as usize) {
            return name.clone();
        }
        let step = match self.ticks[..] {
            [first, second, ..] => second - first,
            _ => 1.0,
        };
        let mut gaps = self.ticks.windows(2).map(|pair| pair[1] - pair[0]);
        let even = gaps.all(|gap| (gap / step - 1.0).abs() < 1e-6);
        let text = if even && value.abs() < 1e6 && step >= 1e-6 {
            let decimals = (-step.log10() - 1e-9).ceil().max(0.0) as usize;
            format!("{value:.decimals$}")
        } else {
            let rounded: f64 = format!("{value:.3e}").parse().unwrap_or(*value);
            match (0.01..1e4).contains(&rounded) {
                true => format!("{rounded}"),
                false => format!("{rounded:e}"),
            }
        };
        // With the sign that is as wide as a digit.
        text.replace('-', "\u{2212}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(scale: Scale, values: &[f64]) -> Vec<String> {
        let fitted = Fitted::new(&scale, values.iter().copied());
        for tick in &fitted.ticks {
            let place = fitted.map(tick, (0, 1000));
            assert!((0..=1000).contains(&place), "{tick} at {place}");
        }
        fitted.texts().collect()
    }

    #[test]
    fn axes_carry_round_numbers() {
        let halves = ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"];
        assert_eq!(written(Scale::Linear, &[0.0, 1.0]), halves);
        let accuracies = ["96.5", "97.0", "97.5", "98.0", "98.5", "99.0", "99.5"];
        assert_eq!(written(Scale::Linear, &[96.5, 99.5]), accuracies);
        assert_eq!(written(Scale::Counts, &[1.0, 2.0]), ["1", "2"]);
        assert_eq!(
            written(Scale::Log, &[1e-5, 1.0]),
            [
                "1e\u{2212}5",
                "1e\u{2212}4",
                "1e\u{2212}3",
                "0.01",
                "0.1",
                "1"
            ]
        );
        assert_eq!(written(Scale::Log, &[1.0, 100.0]), ["1", "10", "100"]);
        assert_eq!(written(Scale::Log, &[2.0, 5.0]), ["2", "5"]);
        assert_eq!(
            written(Scale::Log, &[8.0, 100.0]),
            ["10", "20", "50", "100"]
        );
        assert_eq!(written(Scale::Log, &[3.0, 3.1]), ["2.5", "3.0", "3.5"]);
        let names = ["a", "b"].map(str::to_owned).to_vec();
        assert_eq!(written(Scale::Categories(names), &[]), ["a", "b"]);
    }

    #[test]
    fn one_number_or_none_still_has_an_axis() {
        for value in [0.0, 1.0, -3.0, 1e-12, 1e299, 812_345_678.9] {
            assert!(!written(Scale::Linear, &[value]).is_empty(), "{value}");
        }
        for value in [1.0, 3.3e-7, 8e8, 1e-299] {
            assert!(!written(Scale::Log, &[value]).is_empty(), "{value}");
        }
        assert!(!written(Scale::Linear, &[-9e299, 9e299]).is_empty());
        assert!(!written(Scale::Linear, &[1e-30, 2e-30]).is_empty());
        assert!(!written(Scale::Linear, &[]).is_empty());
        assert!(!written(Scale::Log, &[]).is_empty());
        assert_eq!(written(Scale::Counts, &[1.0]), ["1"]);
    }

    /// Nothing is drawn outside the frame, and no number is none.
    #[test]
    fn what_lies_beyond_an_end_is_placed_there() {
        let log = Fitted::new(&Scale::Log, [1.0, 100.0].into_iter());
        for (value, place) in [(-5.0, 0), (0.0, 0), (f64::INFINITY, 1000)] {
            assert_eq!(log.map(&value, (0, 1000)), place, "{value}");
        }
        let rows = Fitted::new(&Scale::Categories(vec!["a".to_owned()]), [].into_iter());
        assert_eq!(rows.map(&0.0, (1000, 0)), 500);
        assert_eq!(rows.map(&7.0, (1000, 0)), 1000);
    }
}
