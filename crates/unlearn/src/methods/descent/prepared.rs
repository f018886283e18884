//! Requests answered from their own records: what a head keeps of all others is sums, made once,
//! which lose a record by subtraction (docs/theory.md §11).

mod forecast;
mod keeping;
mod make;
mod request;

pub use forecast::{PreparingForecast, preparing_forecast};
pub use keeping::{discard_superseded, is_prepared};
pub use make::{Preparation, prepare};
pub(super) use request::forget;
