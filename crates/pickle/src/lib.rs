//! The data in Python's pickle files, read without executing anything.
//!
//! A pickle is a program that builds a value, and may call any Python function on the way. Here no
//! call is made: it is kept as a [`Node::Call`] with its arguments, which whoever knows the function
//! (numpy's array, PyTorch's tensor) reads as data. Nodes lie in one list and name each other by
//! number, so that neither depth nor sharing nor cycles of what a file describes cost more than its
//! length.
//!
//! ```
//! // {b'labels': [6, 9]} as Python 2 writes it.
//! let pickle = rescind_pickle::read(b"\x80\x02}q\x01U\x06labelsq\x02]q\x03(K\x06K\x09es.")?;
//! let labels = pickle.get(pickle.root(), "labels").unwrap();
//! let labels: Vec<i64> = pickle.items(labels).iter().filter_map(|&id| pickle.integer(id)).collect();
//! assert_eq!(labels, [6, 9]);
//! # Ok::<(), rescind_pickle::PickleError>(())
//! ```

#![warn(missing_docs)]

mod error;
mod machine;
mod node;
mod scanner;

pub use error::PickleError;
pub use machine::read;
pub use node::{Id, Node, Pickle};
