//! Tables: columns, splits, and errors that name line and column.

mod columns;
mod encodings;
mod files;
mod records;
mod support;
