//! Options that several commands share, each group turned into the library's own settings.

pub mod method;
pub mod model;
pub mod records;
pub mod training;
