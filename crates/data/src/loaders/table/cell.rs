//! One cell, and what can be made of it by itself.

use crate::loaders::classes::written;

/// What a cell holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cell<'a> {
    /// Nothing.
    Empty,
    /// Text without spaces around it, which may spell a number.
    Text(&'a str),
    /// A number.
    Number(f64),
    /// True or false.
    Truth(bool),
    /// A day or a time.
    Time,
    /// A list, a map or bytes.
    Nested,
}

/// Why a cell cannot be used for what its column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Misfit {
    Missing,
    Text,
    Time,
    DecimalComma,
    TooLarge,
    Nested,
    LineBreak,
    NoClass,
    UndeclaredClass,
    NoSubject,
}

/// What stands for a missing value, in lower case.
const MISSING: &[&str] = &["", "na", "n/a", "#n/a", "nan", "null", "none", "<na>", "?"];

impl Cell<'_> {
    pub fn is_missing(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Text(text) => {
                text.len() <= 5 && MISSING.contains(&text.to_ascii_lowercase().as_str())
            }
            Self::Number(number) => number.is_nan(),
            _ => false,
        }
    }

    /// The finite number in it; `None` where there is none.
    pub fn number(&self, decimal_comma: bool) -> Result<Option<f32>, Misfit> {
        let number = match self {
            cell if cell.is_missing() => return Ok(None),
            Self::Number(number) => *number as f32,
            Self::Truth(truth) => f32::from(u8::from(*truth)),
            Self::Time => return Err(Misfit::Time),
            Self::Nested => return Err(Misfit::Nested),
            Self::Empty => return Ok(None),
            Self::Text(text) if text.eq_ignore_ascii_case("true") => 1.0,
            Self::Text(text) if text.eq_ignore_ascii_case("false") => 0.0,
            Self::Text(text) => parse(text, decimal_comma)?,
        };
        match number.is_finite() {
            true => Ok(Some(number)),
            false => Err(Misfit::TooLarge),
        }
    }

    /// Its text, to be compared with others; `None` where there is none.
    pub fn text<R>(&self, take: impl FnOnce(Option<&str>) -> R) -> Result<R, Misfit> {
        match self.is_missing() {
            true => Ok(take(None)),
            false => self.name(take),
        }
    }

    /// The same where it names something: somebody may be called Null, and none can be a class.
    pub fn name<R>(&self, take: impl FnOnce(Option<&str>) -> R) -> Result<R, Misfit> {
        match self {
            Self::Text("") => Ok(take(None)),
            Self::Number(number) if number.is_nan() => Ok(take(None)),
            Self::Text(text) if text.contains(['\n', '\r']) => Err(Misfit::LineBreak),
            Self::Text(text) => Ok(take(Some(text))),
            Self::Number(number) => Ok(take(Some(&written(*number)))),
            Self::Truth(truth) => Ok(take(Some(if *truth { "True" } else { "False" }))),
            Self::Empty => Ok(take(None)),
            Self::Time => Err(Misfit::Time),
            Self::Nested => Err(Misfit::Nested),
        }
    }

    /// What it shows to a reader, cut short.
    pub fn shown(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) => shortened(text),
            Self::Number(number) => number.to_string(),
            Self::Truth(truth) => truth.to_string(),
            // What it is is said beside it.
            Self::Time | Self::Nested => "…".to_owned(),
        }
    }
}

fn shortened(text: &str) -> String {
    const LONGEST: usize = 40;
    let line = text.split(['\n', '\r']).next().unwrap_or_default();
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None if line.len() < text.len() => format!("{line}…"),
        None => line.to_owned(),
    }
}

fn parse(text: &str, decimal_comma: bool) -> Result<f32, Misfit> {
    let number = match decimal_comma {
        true => text.replace(',', ".").parse(),
        false => text.parse(),
    };
    match number {
        Ok(number) => Ok(number),
        Err(_) if text.contains(['\n', '\r']) => Err(Misfit::LineBreak),
        Err(_) if is_time(text) => Err(Misfit::Time),
        Err(_) if !decimal_comma && has_decimal_comma(text) => Err(Misfit::DecimalComma),
        Err(_) => Err(Misfit::Text),
    }
}

fn has_decimal_comma(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.trim_start_matches(['-', '+'])
        .split_once(',')
        .is_some_and(|(whole, decimals)| digits(whole) && digits(decimals))
}

/// Whether a text begins as days are written: `2024-01-31`, `31.01.2024`, `1/31/24`, or a time of
/// day.
pub(super) fn is_time(text: &str) -> bool {
    let day = text.split([' ', 'T']).next().unwrap_or_default();
    let digits = |part: &str, most: usize| {
        (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    ['-', '/', '.', ':'].iter().any(|&mark| {
        let parts: Vec<&str> = day.splitn(4, mark).collect();
        match parts[..] {
            [hours, minutes] if mark == ':' => digits(hours, 2) && digits(minutes, 2),
            [a, b, c] => {
                digits(a, 4)
                    && digits(b, 2)
                    && digits(c.split(['.', '+', 'Z']).next().unwrap_or(c), 4)
            }
            _ => false,
        }
    })
}
